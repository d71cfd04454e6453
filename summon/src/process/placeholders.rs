//! The values of a process's placeholders, for its own texts and for texts of other processes. Filling
//! in a text leases no port: a port without a lease has no value.

use std::ffi::{OsStr, OsString};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use summon_syntax::template::{self, Part, WORDS_OF_NODES};

use super::declaration::port_value;
use super::nodes::Named;
use super::parts::Parts;
use super::spec::Spec;
use crate::command::Command;
use crate::error::Error;
use crate::guard::Program;
use crate::probe::{NotReady, Values};
use crate::shell_quoting::Quoting;

/// The host of a server in a container. The engine leads connections from outside to the address of
/// the container.
const EVERYWHERE: &str = "0.0.0.0";

impl Parts {
    /// Fills in placeholders.
    pub(super) fn fill(&self, text: &str) -> Result<String, Error> {
        self.try_fill(text).map_err(|why| self.declaration.bad(why))
    }

    /// Fills in placeholders. Returns text that is not UTF-8 unchanged.
    pub(super) fn fill_os(&self, text: &OsStr) -> Result<OsString, Error> {
        match text.to_str() {
            Some(text) => self.fill(text).map(OsString::from),
            None => Ok(text.to_owned()),
        }
    }

    /// Fills in placeholders of a shell command line. Quotes the values, so that the shell does not
    /// interpret them.
    pub(super) fn fill_for_shell(&self, line: &str) -> Result<String, Error> {
        let mut quoting = Quoting::default();
        let parts = template::parts(line).into_iter().map(|part| match part {
            Part::Literal(text) => {
                quoting.read(text);
                Ok(text.to_owned())
            }
            place => {
                let value = self.part(place)?;
                quoting.quote(&value).map_err(|place| {
                    NotReady::ever(format!(
                        "`{value}` can't be quoted for the shell {place}; pass it by `env`, and write `\"$NAME\"`"
                    ))
                })
            }
        });
        let filled: Result<String, NotReady> = parts.collect();
        filled.map_err(|why| self.declaration.bad(why))
    }

    fn try_fill(&self, text: &str) -> Result<String, NotReady> {
        template::fill(text, |part| self.part(part))
    }

    /// Fills in placeholders, with another directory as `{dir}`.
    pub(super) fn fill_in(&self, text: &OsStr, dir: &str) -> Result<OsString, Error> {
        let value = |part| match part {
            Part::Own("dir") => Ok(dir.to_owned()),
            part => self.part(part),
        };
        match text.to_str() {
            Some(text) => template::fill(text, value)
                .map(OsString::from)
                .map_err(|why| self.declaration.bad(why)),
            None => Ok(text.to_owned()),
        }
    }

    fn part(&self, part: Part<'_>) -> Result<String, NotReady> {
        if let Some(group) = self.learns_later(part) {
            return Err(NotReady::ever(template::too_early(part, &group)));
        }
        if let Some(value) = self.seen_inside(part)? {
            return Ok(value);
        }
        if let Part::Other(name, "url") = part {
            if let Some(url) = self.set().url(name) {
                return Ok(url);
            }
        }
        if let Part::Other(name, word @ ("port" | "host")) = part {
            if let Some(addr) = self.set().addr(name) {
                return Ok(match word {
                    "port" => addr.port().to_string(),
                    _ => addr.ip().to_string(),
                });
            }
        }
        // The process sees its container from inside, and all others see it from outside.
        if let Part::Labelled("port", label) = part {
            if let Some(port) = self.declaration.inside_of(label) {
                return Ok(port.to_string());
            }
        }
        if let (Part::Own(word), true) = (part, self.declaration.has_image()) {
            match word {
                "port" => return Ok(self.port_inside()?.to_string()),
                "host" if self.declaration.has_own_ports() => return Ok(EVERYWHERE.to_owned()),
                "host" => return Ok(Ipv4Addr::LOCALHOST.to_string()),
                _ => {}
            }
        }
        let other;
        let (process, word, label) = match part {
            Part::Literal(text) => return Ok(text.to_owned()),
            Part::Own(word) => (self, word, ""),
            Part::Labelled(word, label) => (self, word, label),
            Part::Other(name, word) => {
                other = self.other(name, word, part)?;
                if let Some(value) = other.word_through_link(word)? {
                    return Ok(value);
                }
                (&*other, word, "")
            }
            Part::OtherLabelled(name, word, label) => {
                other = self.other(name, word, part)?;
                (&*other, word, label)
            }
        };
        let value = process.word(word, label)?;
        value.ok_or_else(|| process.unknown(part))
    }

    fn unknown(&self, part: Part<'_>) -> NotReady {
        let probes = self.declaration.probes.iter();
        let groups = probes.flat_map(|probe| probe.facts().values);
        let of_nodes = self.declaration.index.map(|_| WORDS_OF_NODES);
        let further = groups.chain(of_nodes.into_iter().flatten());
        NotReady::ever(template::unknown(part, further, "process"))
    }

    /// Returns the banner's group that sets this placeholder, if the process does not run so far.
    fn learns_later(&self, part: Part<'_>) -> Option<String> {
        let group = match part {
            Part::Own(word) => word.to_owned(),
            Part::Labelled("port", label) => port_value(label),
            _ => return None,
        };
        // The port of each node is in the list.
        let group = match self.declaration.index {
            Some(_) if template::lists_ports(&group) => port_value(""),
            _ => group,
        };
        let is_later = self.declaration.learns(&group) && self.life.launched().is_none();
        is_later.then_some(group)
    }

    /// Returns another process of the set, or a node of a cluster if the word concerns all nodes.
    pub(super) fn other(
        &self,
        name: &str,
        word: &str,
        part: Part<'_>,
    ) -> Result<Arc<Parts>, NotReady> {
        match self.named(name) {
            Some(Named::Process(process)) => return Ok(process),
            Some(Named::Cluster(node)) if word == "peers" => return Ok(node),
            Some(Named::Cluster(_)) => {
                return Err(NotReady::ever(template::of_cluster(name, part)));
            }
            None => {}
        }
        let set = self.set();
        let known: Vec<_> = set.names().filter(|name| *name != self.name()).collect();
        let known = match known.as_slice() {
            [] => "; the set has no other process".to_owned(),
            known => format!("; the set has {}", known.join(", ")),
        };
        Err(NotReady::ever(format!(
            "`{part}` names a process that is not in the same set{known}"
        )))
    }

    fn word(&self, word: &str, label: &str) -> Result<Option<String>, NotReady> {
        if let Some(value) = self.word_of_node(word, label)? {
            return Ok(Some(value));
        }
        if !label.is_empty() && word != "port" {
            return Ok(None);
        }
        Ok(Some(match word {
            "port" => self.port(label)?.to_string(),
            "host" => self.try_host()?,
            _ if self.declaration.learns(word) => self.learned(word)?,
            "dir" => match self.resources.home() {
                Some(home) => self.resources.dir_of(&home).display().to_string(),
                None => return Err(self.has_none("directory")),
            },
            "name" => self.name().to_owned(),
            "url" => self.url()?,
            _ => return Ok(None),
        }))
    }

    /// Returns the value of a word for other processes, if they use the process through its link.
    pub(super) fn word_through_link(&self, word: &str) -> Result<Option<String>, NotReady> {
        if !self.declaration.spec.linked || !matches!(word, "port" | "host" | "url") {
            return Ok(None);
        }
        let link = self.links.own().ok_or_else(|| self.has_none("link"))?;
        Ok(Some(match word {
            "port" => link.port().to_string(),
            "host" => link.addr().ip().to_string(),
            _ => link.url(self.declaration.spec.path),
        }))
    }

    /// Returns the URL of the service, with its default database.
    pub(super) fn url(&self) -> Result<String, NotReady> {
        let addr = match self.life.addr() {
            Some(found) => found.to_string(),
            None => format!("{}:{}", self.host(), self.port("")?),
        };
        let Spec { scheme, path, .. } = &self.declaration.spec;
        Ok(format!("{scheme}{addr}/{path}"))
    }

    /// Returns the host that the process has, or else the declared one.
    pub(super) fn host(&self) -> String {
        // The host may be a placeholder of another process, without a value so far.
        self.try_host().unwrap_or_else(|_| {
            let endpoint = self.declaration.endpoint().map(|endpoint| endpoint.host);
            endpoint.unwrap_or_else(|| "localhost".to_owned())
        })
    }

    pub(super) fn try_host(&self) -> Result<String, NotReady> {
        match self.declaration.endpoint() {
            _ if self.declaration.learns("host") => self.learned("host"),
            // A host of `{host}` refers to itself.
            Some(endpoint) if !endpoint.host.contains("{host}") => self.try_fill(&endpoint.host),
            _ => Ok("localhost".to_owned()),
        }
    }

    /// Returns the port with this label: declared, reported by the banner, or leased.
    pub(super) fn port(&self, label: &str) -> Result<u16, NotReady> {
        let declared = self.declared_port(label)?;
        let port = declared.or_else(|| self.resources.port(label));
        port.ok_or_else(|| self.has_none("port"))
    }

    /// Returns the port on which the process listens, in its container if it has one.
    fn port_inside(&self) -> Result<u16, NotReady> {
        match self.declaration.inside_port() {
            Some(port) => Ok(port),
            None => self.port(""),
        }
    }

    fn has_none(&self, resource: &str) -> NotReady {
        let name = self.name();
        NotReady::ever(format!(
            "{name} gets its {resource} when it starts, and was not started"
        ))
    }

    /// Like `port`, but leases a free port if there is none.
    pub(super) fn port_or_lease(&self, label: &str) -> Result<u16, NotReady> {
        if let Some(port) = self.declared_port(label)? {
            return Ok(port);
        }
        let leased = self.resources.lease(label);
        leased.map_err(|error| NotReady::ever(error.to_string()))
    }

    /// Returns the port if it is fixed, or if the banner reports it.
    pub(super) fn declared_port(&self, label: &str) -> Result<Option<u16>, NotReady> {
        let value = port_value(label);
        if self.declaration.learns(&value) {
            let port = self.learned(&value)?;
            let parsed = port.parse().map_err(|_| no_port(&value, &port));
            return parsed.map(Some);
        }
        if self.declaration.has_own_ports() {
            return Ok(None);
        }
        let main = self.declaration.endpoint().map(|endpoint| endpoint.port);
        Ok(main.filter(|port| label.is_empty() && *port != 0))
    }

    /// Returns a value that the banner has reported.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        self.life.launched()?.values().get(name).cloned()
    }

    fn learned(&self, name: &str) -> Result<String, NotReady> {
        self.value(name).ok_or_else(|| {
            NotReady::yet(format!(
                "its banner reports `{name}`, and no line has matched it so far"
            ))
        })
    }
}

fn no_port(name: &str, value: &str) -> NotReady {
    NotReady::ever(format!(
        "its banner reports `{value}` as `{name}`, which is not a port"
    ))
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Process")
            .field("name", &self.name())
            .field("id", &self.life.pid())
            .field("command", &self.declaration.spec.command)
            .finish_non_exhaustive()
    }
}

impl Values for Parts {
    fn port(&self) -> Result<u16, NotReady> {
        match self.declaration.has_image() {
            true => self.port_inside(),
            false => self.port_or_lease(""),
        }
    }

    fn fill(&self, text: &str) -> Result<String, NotReady> {
        self.try_fill(text)
    }

    fn path(&self, text: &str) -> Result<PathBuf, NotReady> {
        let dir = self.working_directory();
        let dir = dir.map_err(|error| NotReady::ever(error.to_string()))?;
        // Normalised like the paths that the kernel reports, so that they compare equal.
        let path = dir.join(self.try_fill(text)?);
        Ok(path.components().collect())
    }

    fn helper(&self, command: &Command) -> Result<Program, NotReady> {
        self.helper(command)
            .map_err(|error| NotReady::ever(error.headline()))
    }

    fn health_check(&self) -> Result<Program, NotReady> {
        self.health_check()
    }

    fn learn(&self, name: &str, value: &str) -> Result<(), NotReady> {
        let is_port = name == "port" || name.starts_with("port_");
        if is_port && value.parse::<u16>().ok().is_none_or(|port| port == 0) {
            return Err(no_port(name, value));
        }
        if let Some(launched) = self.life.launched() {
            launched.values().insert(name.to_owned(), value.to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::panic::Location;

    use super::*;
    use crate::process::declaration::Declaration;
    use crate::process::spec::Spec;

    #[test]
    fn a_text_takes_no_resource() {
        let mut spec = Spec::new("cat {port} {port:admin} {dir}".into(), Location::caller());
        spec.split_output = true;
        let parts = Parts::new(Declaration::new(spec, Vec::new(), None), Arc::default());
        assert!(parts.resolve().is_err() && parts.fill("{dir}").is_err());
        assert!(parts.resources.ports().is_empty() && parts.resources.home().is_none());
        let port = parts.port_or_lease("").unwrap();
        assert_eq!(parts.fill("{port}").unwrap(), port.to_string());
        assert!(parts.resources.port("admin").is_none());
    }
}
