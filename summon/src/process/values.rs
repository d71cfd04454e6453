//! The values of a process's placeholders, for its own texts and for texts of other processes.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use summon_syntax::template::{self, Part};

use super::{Process, lock, no_port};
use crate::command::Command;
use crate::error::Error;
use crate::guard::Program;
use crate::probe::{NotReady, Values};
use crate::quoting::Quoting;

impl Process {
    /// Fills in placeholders.
    pub(super) fn fill(&self, text: &str) -> Result<String, Error> {
        self.try_fill(text).map_err(|why| self.bad(why))
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
        filled.map_err(|why| self.bad(why))
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
                .map_err(|why| self.bad(why)),
            None => Ok(text.to_owned()),
        }
    }

    fn part(&self, part: Part<'_>) -> Result<String, NotReady> {
        if let Some(group) = self.told_later(part) {
            return Err(NotReady::ever(template::too_early(part, &group)));
        }
        match part {
            Part::Literal(text) => Ok(text.to_owned()),
            Part::Own(word) => self
                .word(word)?
                .ok_or_else(|| self.unknown(&format!("{{{word}}}"))),
            Part::Labelled("port", label) => self.try_port(label).map(|port| port.to_string()),
            Part::Labelled(word, label) => Err(self.unknown(&format!("{{{word}:{label}}}"))),
            Part::Other(name, word) => self
                .member(name, word)?
                .word(word)?
                .ok_or_else(|| self.unknown(&format!("{{{name}.{word}}}"))),
        }
    }

    /// Returns the processes that must be ready first: the names in placeholders and in `after`.
    pub(crate) fn predecessors(&self) -> Vec<String> {
        let mut found = self.inner.spec.after.clone();
        let mut add = |text: &str| found.extend(template::references(text).map(str::to_owned));
        for text in self.inner.spec.texts() {
            text.to_str().into_iter().for_each(&mut add);
        }
        let probes = self.inner.probes.iter();
        probes.flat_map(|it| it.facts().texts).for_each(&mut add);
        found.sort();
        found.dedup();
        found
    }

    /// Returns the banner's group that sets this placeholder, if the process does not run so far.
    fn told_later(&self, part: Part<'_>) -> Option<String> {
        let group = match part {
            Part::Own(word) => word.to_owned(),
            Part::Labelled("port", label) => format!("port_{label}"),
            _ => return None,
        };
        let is_later = self.learns(&group) && lock(&self.inner.life).run.is_none();
        is_later.then_some(group)
    }

    /// Returns another process of the set. `word` is its placeholder, for the error.
    fn member(&self, name: &str, word: &str) -> Result<Process, NotReady> {
        let set = lock(&self.inner.set).clone().unwrap_or_default();
        set.find(name).ok_or_else(|| {
            let known: Vec<_> = set.names().filter(|name| *name != self.name()).collect();
            let known = match known.as_slice() {
                [] => "; the set has no other process".to_owned(),
                known => format!("; the set has {}", known.join(", ")),
            };
            NotReady::ever(format!(
                "`{{{name}.{word}}}` names a process that is not in the same set{known}"
            ))
        })
    }

    fn word(&self, word: &str) -> Result<Option<String>, NotReady> {
        Ok(Some(match word {
            "port" => self.try_port("")?.to_string(),
            "host" => self.try_host()?,
            _ if self.learns(word) => self.learned(word)?,
            "dir" => {
                let dir = self.try_dir();
                let dir = dir.map_err(|error| NotReady::ever(error.to_string()))?;
                dir.display().to_string()
            }
            "name" => self.name().to_owned(),
            _ => return Ok(None),
        }))
    }

    pub(super) fn try_host(&self) -> Result<String, NotReady> {
        match self.endpoint() {
            _ if self.learns("host") => self.learned("host"),
            // A host of `{host}` refers to itself.
            Some(endpoint) if !endpoint.host.contains("{host}") => self.try_fill(&endpoint.host),
            _ => Ok("localhost".to_owned()),
        }
    }

    fn unknown(&self, place: &str) -> NotReady {
        NotReady::ever(format!(
            "`{place}` is not a placeholder: valid are {{port}}, {{port:label}}, {{host}}, {{dir}}, \
             {{name}}, and {{process.port}} for another process; write `{{{place}` for literal text"
        ))
    }
}

impl Values for Process {
    fn port(&self) -> Result<u16, NotReady> {
        self.try_port("")
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

    fn learn(&self, name: &str, value: &str) -> Result<(), NotReady> {
        let is_port = name == "port" || name.starts_with("port_");
        if is_port && value.parse::<u16>().ok().is_none_or(|port| port == 0) {
            return Err(no_port(name, value));
        }
        if let Some(run) = &lock(&self.inner.life).run {
            lock(&run.values).insert(name.to_owned(), value.to_owned());
        }
        Ok(())
    }
}
