//! The processes of one function: their names, and the placeholders in their texts.

use std::collections::BTreeSet;
use std::path::Path;

use summon_syntax::template::{self, Part, WORDS_OF_NODES};
use summon_syntax::{nodes, pattern, shell, words};
use syn::ext::IdentExt;
use syn::{Expr, LitStr, PatType};

use super::texts;
use crate::errors::Errors;
use crate::item;
use crate::kind::Kind;
use crate::literal;
use crate::summoned::Summoned;

pub(super) struct Set<'a> {
    pub(super) members: Vec<Member<'a>>,
    /// Whether all names are known.
    is_known: bool,
}

pub(super) struct Member<'a> {
    pub(super) summoned: &'a Summoned,
    /// None if only the runtime knows the name.
    pub(super) name: Option<String>,
    /// The groups of its banner, which are placeholders, too. None if only the runtime knows them.
    groups: Option<Vec<String>>,
    nodes: Nodes,
}

/// Whether a member is a cluster.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nodes {
    None,
    Some {
        count: Option<usize>,
    },
    /// Only the runtime knows.
    Unknown,
}

/// The meaning of a name in a text.
enum Named<'a> {
    Process(&'a Member<'a>),
    Cluster,
    /// The cluster has only this number of nodes.
    NoNode(usize),
    /// Only the runtime knows.
    Unknown,
    Nothing,
}

impl<'a> Set<'a> {
    pub(super) fn new(summoned: &'a [Option<Summoned>], parameters: &[PatType]) -> Set<'a> {
        // If the number of parameters is wrong, nothing is known about their processes.
        let are_bound = parameters.is_empty() || parameters.len() == summoned.len();
        let parameter = |index: usize| parameters.get(index).filter(|_| are_bound);
        let members: Vec<_> = summoned
            .iter()
            .enumerate()
            .filter_map(|(index, summoned)| Some((index, summoned.as_ref()?)))
            .map(|(index, summoned)| Member {
                summoned,
                name: name(summoned, parameter(index)),
                groups: groups(summoned),
                nodes: Nodes::of(summoned),
            })
            .collect();
        let is_known = members.len() == summoned.len()
            && are_bound
            && members.iter().all(|member| member.name.is_some());
        Set { members, is_known }
    }

    /// A set of one fixture. The others are statics, which only rustc knows.
    pub(super) fn of_fixture(summoned: &'a Summoned) -> Set<'a> {
        Set {
            members: vec![Member {
                summoned,
                name: None,
                groups: groups(summoned),
                nodes: Nodes::of(summoned),
            }],
            is_known: false,
        }
    }

    pub(super) fn position(&self, name: &str) -> Option<usize> {
        let mut members = self.members.iter();
        members.position(|member| member.name.as_deref() == Some(name))
    }

    /// Returns the member with this name, or the cluster of the node with this name.
    pub(super) fn member(&self, name: &str) -> Option<usize> {
        self.position(name).or_else(|| {
            let (cluster, _) = nodes::split(name)?;
            self.position(cluster)
                .filter(|at| self.members[*at].nodes != Nodes::None)
        })
    }

    fn named(&self, name: &str) -> Named<'_> {
        let Some(member) = self.member(name).map(|at| &self.members[at]) else {
            return match self.is_known {
                true => Named::Nothing,
                false => Named::Unknown,
            };
        };
        let node = nodes::split(name).filter(|_| member.name.as_deref() != Some(name));
        match (member.nodes, node) {
            (Nodes::None, _) => Named::Process(member),
            (Nodes::Unknown, _) => Named::Unknown,
            (Nodes::Some { .. }, None) => Named::Cluster,
            (Nodes::Some { count: Some(count) }, Some((_, index))) if index >= count => {
                Named::NoNode(count)
            }
            (Nodes::Some { .. }, Some(_)) => Named::Process(member),
        }
    }

    pub(super) fn check_names(&self, errors: &mut Errors) {
        for (index, member) in self.members.iter().enumerate() {
            let Some(name) = &member.name else {
                continue;
            };
            if self.position(name) < Some(index) {
                errors.at(
                    member.summoned.key.span(),
                    format!(
                        "two processes of one function have the name `{name}`; give this one \
                         another name with `name = \"..\"`"
                    ),
                );
            }
        }
    }

    pub(super) fn check_placeholders(&self, errors: &mut Errors) {
        for member in &self.members {
            for text in texts::texts(member.summoned) {
                let value = text.value();
                let mut parts = template::parts(&value);
                parts.dedup();
                for part in parts {
                    if let Some(why) = self.wrong(member, part) {
                        errors.under(text, why);
                    }
                }
            }
            for text in texts::after(member.summoned) {
                let name = text.value();
                match self.named(&name) {
                    Named::Nothing => errors.under(text, self.unknown(member, &name, "")),
                    Named::NoNode(count) => errors.under(text, nodes::missing(&name, count)),
                    Named::Process(_) | Named::Cluster | Named::Unknown => {}
                }
            }
        }
    }

    /// Explains what is wrong with a placeholder in a text of a process.
    fn wrong(&self, member: &Member<'_>, part: Part<'_>) -> Option<String> {
        match part {
            Part::Literal(_) => None,
            Part::Own(word) if member.has_group(word) => Some(template::too_early(part, word)),
            Part::Labelled("port", label) => {
                let group = format!("port_{label}");
                let is_too_early = member.has_group(&group);
                is_too_early.then(|| template::too_early(part, &group))
            }
            Part::Own(word) | Part::Labelled(word, _) if member.lists_ports(word) => {
                let group = match part {
                    Part::Labelled(_, label) => format!("port_{label}"),
                    _ => "port".to_owned(),
                };
                let is_too_early = member.has_group(&group);
                let too_early = is_too_early.then(|| template::too_early(part, &group));
                too_early.or_else(|| member.unknown_label(part))
            }
            Part::Own(word @ ("link" | "link_port"))
                if member.is_cluster() && !member.may_be_linked() =>
            {
                Some(nodes::without_links(word))
            }
            Part::Own(word) if member.has(word)? => None,
            Part::Own(_) | Part::Labelled(..) => {
                let other = self.others(member).into_iter().next();
                Some(member.unknown(part, other.unwrap_or("process")))
            }
            Part::Other(process, word) => self.wrong_of_other(member, part, process, word),
            Part::OtherLabelled(process, word, _) => {
                self.wrong_of_other(member, part, process, word)
            }
        }
    }

    /// Checks a placeholder of another process.
    fn wrong_of_other(
        &self,
        member: &Member<'_>,
        part: Part<'_>,
        process: &str,
        word: &str,
    ) -> Option<String> {
        match self.named(process) {
            Named::Cluster if word == "peers" => {
                let cluster = self.member(process).map(|at| &self.members[at]);
                cluster?.unknown_label(part)
            }
            Named::Cluster => Some(template::of_cluster(process, part)),
            Named::Process(other) => {
                let has = match part {
                    Part::OtherLabelled(..) => word == "port" || other.lists_ports(word),
                    _ => other.has(word)?,
                };
                let unknown = (!has).then(|| other.unknown(part, process));
                unknown.or_else(|| other.unknown_label(part))
            }
            Named::NoNode(count) => Some(nodes::missing(process, count)),
            Named::Nothing => Some(self.unknown(member, process, &format!(" for `{part}`"))),
            Named::Unknown => None,
        }
    }

    fn unknown(&self, member: &Member<'_>, process: &str, place: &str) -> String {
        let others = self.others(member);
        let others = match others.as_slice() {
            // Named like a static.
            _ if !process.contains(char::is_lowercase) => {
                format!("if it is a fixture, add `#[summon(fixture = {process})]`")
            }
            [] => "add a `#[summon(..)]` for it".to_owned(),
            [other] => format!("the other one is `{other}`"),
            others => format!("the others are {}", words::list_names(others)),
        };
        format!("this function has no process `{process}`{place}; {others}")
    }

    /// The names of the other processes.
    fn others(&self, member: &Member<'_>) -> Vec<&str> {
        let names = self.members.iter().filter_map(|it| it.name.as_deref());
        let others = names.filter(|name| member.name.as_deref() != Some(name));
        others.collect()
    }
}

impl Member<'_> {
    /// Whether its banner certainly has a group.
    fn has_group(&self, group: &str) -> bool {
        let banner = self.summoned.part("banner").and_then(literal::text);
        let banner = banner.and_then(|banner| pattern::read(&banner.value()).ok());
        banner.is_some_and(|banner| banner.groups.iter().any(|it| it == group))
    }

    /// Whether it has a placeholder. None if only the runtime knows.
    fn has(&self, word: &str) -> Option<bool> {
        let is_of_nodes = || self.is_cluster() && WORDS_OF_NODES.contains(&word);
        if template::WORDS.contains(&word) || is_of_nodes() {
            return Some(true);
        }
        let groups = self.groups.as_ref()?;
        Some(groups.iter().any(|group| group == word))
    }

    fn unknown(&self, part: Part<'_>, other: &str) -> String {
        let groups = self.groups.iter().flatten().map(String::as_str);
        let of_nodes = self.is_cluster().then_some(WORDS_OF_NODES);
        template::unknown(part, groups.chain(of_nodes.into_iter().flatten()), other)
    }

    /// Explains that its nodes have no port for the label of a list.
    fn unknown_label(&self, list: Part<'_>) -> Option<String> {
        if !self.is_cluster() || !texts::are_known(self.summoned) {
            return None;
        }
        let texts = texts::texts(self.summoned).into_iter().map(LitStr::value);
        let texts: Vec<String> = texts.collect();
        let labels: BTreeSet<&str> = texts
            .iter()
            .flat_map(|text| template::labels(text))
            .collect();
        let labels: Vec<&str> = labels.into_iter().collect();
        template::unknown_label(list, &labels)
    }

    fn may_be_linked(&self) -> bool {
        self.summoned.calls("linked").next().is_some()
    }

    fn is_cluster(&self) -> bool {
        matches!(self.nodes, Nodes::Some { .. })
    }

    /// Whether a placeholder is a list of the ports of its cluster.
    fn lists_ports(&self, word: &str) -> bool {
        self.is_cluster() && template::lists_ports(word)
    }
}

impl Nodes {
    fn of(summoned: &Summoned) -> Nodes {
        match summoned.nodes() {
            Some(arg) => {
                let count = arg.values.first().and_then(literal::integer);
                let count = count.and_then(|(_, count)| count.base10_parse().ok());
                Nodes::Some { count }
            }
            None if summoned.kind.is_command() => Nodes::None,
            None => Nodes::Unknown,
        }
    }
}

/// The name of a process: from its option `name`, else from its parameter, else from its program.
fn name(summoned: &Summoned, parameter: Option<&PatType>) -> Option<String> {
    let parameter = parameter.and_then(item::name);
    match summoned.kind {
        // Only the runtime knows its name.
        Kind::Executor => None,
        kind if kind.is_of_fixture() => match (summoned.calls("named").last(), &summoned.main) {
            (Some(arg), _) => literal::text(arg.values.first()?).map(LitStr::value),
            _ if parameter.is_some() => parameter,
            (None, Expr::Path(path)) => Some(path.path.segments.last()?.ident.unraw().to_string()),
            _ => None,
        },
        _ => {
            let named = summoned.calls("named").last();
            match named {
                Some(arg) => literal::text(arg.values.first()?).map(LitStr::value),
                // The parameter of a cluster is usually a plural, and does not name its nodes.
                None => {
                    parameter
                        .filter(|_| summoned.nodes().is_none())
                        .or_else(|| match &summoned.program {
                            Some(program) => Some(program.name.value()),
                            None => stem(&summoned.main),
                        })
                }
            }
        }
    }
}

/// The file name of a command's program, without its extension.
fn stem(command: &Expr) -> Option<String> {
    let program = match literal::list(command) {
        Some(words) => literal::text(words.first()?)?.value(),
        None => {
            let words = shell::split(&literal::text(command)?.value()).ok()?;
            words.into_iter().next()?
        }
    };
    let stem = Path::new(&program).file_stem()?;
    Some(stem.to_string_lossy().into_owned())
}

/// The groups of the banner.
fn groups(summoned: &Summoned) -> Option<Vec<String>> {
    // The probe in `and(..)` may be a banner, too.
    if !summoned.kind.is_command() || summoned.calls("and").next().is_some() {
        return None;
    }
    match summoned.part("banner") {
        Some(banner) => Some(pattern::read(&literal::text(banner)?.value()).ok()?.groups),
        None => Some(Vec::new()),
    }
}
