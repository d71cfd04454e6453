//! The processes of a set: their names, and the placeholders in their texts.

use std::path::Path;

use syn::ext::IdentExt;
use syn::{Expr, LitStr};

use super::pattern;
use crate::errors::Errors;
use crate::item::Parameter;
use crate::kind::Kind;
use crate::literal;
use crate::model::{Summoned, all};
use crate::template::{self, Part};

/// What each process tells of itself, whatever its kind.
const WORDS: [&str; 4] = ["port", "host", "dir", "name"];

pub(super) struct Set<'a> {
    pub(super) members: Vec<Member<'a>>,
    /// Whether all names are known, so that there is no other.
    is_known: bool,
}

pub(super) struct Member<'a> {
    pub(super) summoned: &'a Summoned,
    /// None if only run time knows it.
    pub(super) name: Option<String>,
    /// What its banner tells. None if only run time knows it.
    told: Option<Vec<String>>,
}

impl<'a> Set<'a> {
    pub(super) fn new(summoned: &'a [Option<Summoned>], parameters: &[Parameter]) -> Set<'a> {
        // Parameters that are too many or too few name nobody.
        let are_bound = parameters.is_empty() || parameters.len() == summoned.len();
        let parameter = |index: usize| parameters.get(index).filter(|_| are_bound);
        let members: Vec<_> = summoned
            .iter()
            .enumerate()
            .filter_map(|(index, summoned)| Some((index, summoned.as_ref()?)))
            .map(|(index, summoned)| Member {
                summoned,
                name: name(summoned, parameter(index)),
                told: told(summoned),
            })
            .collect();
        let is_known = members.len() == summoned.len()
            && are_bound
            && members.iter().all(|member| member.name.is_some());
        Set { members, is_known }
    }

    /// A set of one, whose others are statics.
    pub(super) fn of_fixture(summoned: &'a Summoned) -> Set<'a> {
        Set {
            members: vec![Member {
                summoned,
                name: None,
                told: told(summoned),
            }],
            is_known: false,
        }
    }

    pub(super) fn position(&self, name: &str) -> Option<usize> {
        let mut members = self.members.iter();
        members.position(|member| member.name.as_deref() == Some(name))
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
                        "two processes of one set are called `{name}`; give this one another \
                         name: `name = \"..\"`"
                    ),
                );
            }
        }
    }

    pub(super) fn check_places(&self, errors: &mut Errors) {
        for member in &self.members {
            for text in texts(member.summoned) {
                let value = text.value();
                let mut parts = template::parts(&value);
                parts.dedup();
                for why in parts
                    .into_iter()
                    .filter_map(|part| self.wrong(member, part))
                {
                    errors.under(text, why);
                }
            }
            for name in after(member.summoned) {
                if self.is_known && self.position(&name.value()).is_none() {
                    let why = self.unknown(member, &format!("`{}`", name.value()));
                    errors.under(name, why);
                }
            }
        }
    }

    /// What is wrong with a placeholder of a process.
    fn wrong(&self, member: &Member<'_>, part: Part<'_>) -> Option<String> {
        match part {
            Part::Literal(_) => None,
            Part::Own(word) if banner_tells(member.summoned, word) => {
                Some(template::told_too_late(&format!("{{{word}}}"), word))
            }
            Part::Labelled("port", label) => {
                let group = format!("port_{label}");
                banner_tells(member.summoned, &group)
                    .then(|| template::told_too_late(&format!("{{port:{label}}}"), &group))
            }
            Part::Own(word) => (!member.tells(word)?).then(|| {
                let place = format!("{{{word}}}");
                self.no_placeholder(member, &place)
            }),
            Part::Labelled(word, label) => {
                Some(self.no_placeholder(member, &format!("{{{word}:{label}}}")))
            }
            Part::Other(process, word) => match self.position(process) {
                Some(other) => {
                    let other = &self.members[other];
                    (!other.tells(word)?).then(|| {
                        let known = all(&other.places(&format!("{process}.")));
                        format!("`{{{process}.{word}}}` is no placeholder: there are {known}")
                    })
                }
                None if self.is_known => {
                    Some(self.unknown(member, &format!("`{{{process}.{word}}}`")))
                }
                None => None,
            },
        }
    }

    fn no_placeholder(&self, member: &Member<'_>, place: &str) -> String {
        let mut known = member.places("");
        known.insert(1, "`{port:label}` for a further port".to_owned());
        let other = self.others(member).into_iter().next();
        let other = other.unwrap_or("process");
        known.push(format!("`{{{other}.port}}` for another process"));
        format!(
            "`{place}` is no placeholder: there are {}; write `{{{place}` for the text itself",
            all(&known)
        )
    }

    fn unknown(&self, member: &Member<'_>, what: &str) -> String {
        let others = self.others(member);
        let others: Vec<_> = others.iter().map(|name| format!("`{name}`")).collect();
        match others.as_slice() {
            [] => format!(
                "{what} names a process that is not in this set, which has no other; stack a \
                 `#[summon(..)]` for it"
            ),
            others => format!(
                "{what} names a process that is not in this set, which has {}",
                all(others)
            ),
        }
    }

    /// The names of all but one.
    fn others(&self, member: &Member<'_>) -> Vec<&str> {
        let names = self.members.iter().filter_map(|it| it.name.as_deref());
        let others = names.filter(|name| member.name.as_deref() != Some(name));
        others.collect()
    }
}

impl Member<'_> {
    /// Whether it has a value for a word. None if only run time knows.
    fn tells(&self, word: &str) -> Option<bool> {
        if WORDS.contains(&word) {
            return Some(true);
        }
        let told = self.told.as_ref()?;
        Some(told.iter().any(|it| it == word))
    }

    /// Its placeholders, with what stands before the word.
    fn places(&self, before: &str) -> Vec<String> {
        let told = self.told.iter().flatten().map(String::as_str);
        let told = told.filter(|word| !WORDS.contains(word));
        let words = WORDS.into_iter().chain(told);
        words.map(|word| format!("`{{{before}{word}}}`")).collect()
    }
}

/// What the process will be called: its own name, else its parameter's, else its program's.
fn name(summoned: &Summoned, parameter: Option<&Parameter>) -> Option<String> {
    let parameter = parameter.and_then(Parameter::name);
    match summoned.kind {
        // It may bring a name along.
        Kind::Executor => None,
        Kind::Fixture => match &summoned.main {
            _ if parameter.is_some() => parameter,
            Expr::Path(path) => Some(path.path.segments.last()?.ident.unraw().to_string()),
            _ => None,
        },
        _ => {
            let named = summoned.calls("name").chain(summoned.calls("named")).last();
            match named {
                Some(arg) => literal::text(arg.values.first()?).map(LitStr::value),
                None => parameter.or_else(|| match &summoned.program {
                    Some(program) => Some(program.name.value()),
                    None => stem(&summoned.main),
                }),
            }
        }
    }
}

/// The file name of a command's program, without its extension.
fn stem(command: &Expr) -> Option<String> {
    let program = match literal::list(command) {
        Some(words) => literal::text(words.first()?)?.value(),
        None => shlex::split(&literal::text(command)?.value())?
            .into_iter()
            .next()?,
    };
    let stem = Path::new(&program).file_stem()?;
    Some(stem.to_string_lossy().into_owned())
}

/// The names of the values that a process tells.
fn told(summoned: &Summoned) -> Option<Vec<String>> {
    // The probe of an `and` may be a banner too.
    if !summoned.kind.is_command() || summoned.calls("and").next().is_some() {
        return None;
    }
    match summoned.part("banner") {
        Some(banner) => Some(pattern::read(&literal::text(banner)?.value()).ok()?.groups),
        None => Some(Vec::new()),
    }
}

/// Whether a process tells a value by a group of its banner, once it runs.
fn banner_tells(summoned: &Summoned, group: &str) -> bool {
    let banner = summoned.part("banner").and_then(literal::text);
    let banner = banner.and_then(|banner| pattern::read(&banner.value()).ok());
    banner.is_some_and(|banner| banner.groups.iter().any(|it| it == group))
}

/// The literals in which placeholders are filled in.
pub(super) fn texts(summoned: &Summoned) -> Vec<&LitStr> {
    if !summoned.kind.is_command() {
        return Vec::new();
    }
    let mut found = literal::texts(&summoned.main);
    for name in ["host", "path", "url", "socket", "probe"] {
        found.extend(summoned.part(name).into_iter().flat_map(literal::texts));
    }
    for arg in &summoned.calls {
        let values = arg.values.as_slice();
        match (arg.key.to_string().as_str(), values) {
            ("arg" | "current_dir", [value]) | ("env", [_, value]) => {
                found.extend(literal::text(value));
            }
            ("with_file", [_, contents]) => found.extend(text_of(contents)),
            ("args", [values]) => found.extend(literal::texts(values)),
            (key, [command]) if super::COMMANDS.contains(&key) => {
                found.extend(literal::texts(command));
            }
            ("envs", [pairs]) => {
                let pairs = literal::list(pairs).unwrap_or_default();
                found.extend(pairs.into_iter().filter_map(|pair| match pair {
                    Expr::Tuple(pair) => literal::text(pair.elems.last()?),
                    _ => None,
                }));
            }
            _ => {}
        }
    }
    found
}

/// The text of a file: a literal, or that of `Contents::new("..").mode(0o644)`.
fn text_of(contents: &Expr) -> Option<&LitStr> {
    match contents {
        Expr::MethodCall(call) => text_of(&call.receiver),
        Expr::Call(call) if call.args.len() == 1 => text_of(call.args.first()?),
        value => literal::text(value),
    }
}

/// The processes that it says it comes after.
pub(super) fn after(summoned: &Summoned) -> impl Iterator<Item = &LitStr> {
    let is_command = summoned.kind.is_command();
    let calls = summoned.calls("after").filter(move |_| is_command);
    calls.filter_map(|arg| literal::text(arg.values.first()?))
}
