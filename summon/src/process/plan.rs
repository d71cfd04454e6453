//! From what the user wrote to what the guard is told: placeholders filled in, everything checked.

use std::ffi::OsString;

use super::{Process, lock};
use crate::error::Error;
use crate::probe::Values;
use crate::sys::guard::{Plan, StopPlan};
use crate::template::{self, Part};

impl Process {
    /// Everything that a guard needs to know.
    pub(super) fn plan(&self) -> Result<Plan, Error> {
        let spec = &self.inner.spec;
        let home = self.home()?;
        let stop = self.stop_plan()?;
        let argv = self.argv()?;
        let mut env: Vec<(OsString, OsString)> = std::env::vars_os().collect();
        for (name, value) in &spec.env {
            self.check_name(name)?;
            env.retain(|(other, _)| other != name);
            if let Some(value) = value {
                env.push((name.clone(), self.fill_os(value)?));
            }
        }
        // From the test's own directory: the guard has another.
        let here = std::env::current_dir()
            .map_err(|error| self.bad(format!("the test has no working directory: {error}")))?;
        let dir = match &spec.current_dir {
            Some(dir) => here.join(self.fill_os(dir.as_os_str())?),
            None => here,
        };
        let texts = argv.iter().chain(env.iter().map(|(_, value)| value));
        if let Some(text) = texts.into_iter().find(|text| has_nul(text)) {
            return Err(self.bad(format!("{text:?} contains a NUL byte")));
        }
        let no_file = |error: std::io::Error| self.bad(format!("its log can't be opened: {error}"));
        let (sweep, session) = home.for_guard().map_err(no_file)?;
        let mut held = vec![session];
        for lease in lock(&self.inner.leases).values() {
            held.push(lease.share().map_err(no_file)?);
        }
        if let Some(turn) = &lock(&self.inner.life).turn {
            held.push(turn.share().map_err(no_file)?);
        }
        Ok(Plan {
            name: self.name().to_owned(),
            argv,
            env,
            dir,
            stop,
            sweep,
            log: home.open_log().map_err(no_file)?.into(),
            held,
            sharing: lock(&self.inner.sharing).take(),
        })
    }

    pub(super) fn stop_plan(&self) -> Result<StopPlan, Error> {
        Ok(StopPlan {
            signal: self.inner.spec.stop_signal,
            grace: self.limit(&self.inner.spec.stop_timeout)?,
        })
    }

    pub(super) fn limit(&self, limit: &crate::limit::Limit) -> Result<std::time::Duration, Error> {
        limit
            .get()
            .map_err(|why| self.error(format!("{}: {why}", self.name())))
    }

    /// The words as they will be run.
    pub(super) fn argv(&self) -> Result<Vec<OsString>, Error> {
        let words = self.inner.spec.argv().map_err(|why| self.bad(why))?;
        words.iter().map(|word| self.fill_os(word)).collect()
    }

    fn check_name(&self, name: &OsString) -> Result<(), Error> {
        let bytes = name.as_encoded_bytes();
        if bytes.is_empty() || bytes.contains(&b'=') || has_nul(name) {
            return Err(self.bad(format!("{name:?} can't name an environment variable")));
        }
        Ok(())
    }

    /// Fills in placeholders. Text that is not UTF-8 has none.
    fn fill_os(&self, text: &std::ffi::OsStr) -> Result<OsString, Error> {
        match text.to_str() {
            Some(text) => self.fill(text).map(OsString::from),
            None => Ok(text.to_owned()),
        }
    }

    fn value(&self, part: Part<'_>) -> Result<String, String> {
        match part {
            Part::Literal(text) => Ok(text.to_owned()),
            Part::Own("host") => Ok(match self.endpoint() {
                Some(endpoint) if !endpoint.host.contains("{host}") => self
                    .fill(&endpoint.host)
                    .map_err(|error| error.to_string())?,
                _ => "localhost".to_owned(),
            }),
            Part::Own(word) => self
                .word(word)?
                .ok_or_else(|| self.unknown(&format!("{{{word}}}"))),
            Part::Labelled("port", label) => self
                .try_port(label)
                .map(|port| port.to_string())
                .map_err(|error| error.to_string()),
            Part::Labelled(word, label) => Err(self.unknown(&format!("{{{word}:{label}}}"))),
            Part::Other(name, word) => {
                let set = lock(&self.inner.set).clone().unwrap_or_default();
                let Some(other) = set.find(name) else {
                    let known: Vec<_> = set.names().filter(|name| *name != self.name()).collect();
                    return Err(format!(
                        "`{{{name}.{word}}}` names a process that is not in the same set{}",
                        if known.is_empty() {
                            ", which has no other".to_owned()
                        } else {
                            format!("; there is {}", known.join(", "))
                        }
                    ));
                };
                if word == "host" {
                    return Ok(other.host());
                }
                other
                    .word(word)?
                    .ok_or_else(|| self.unknown(&format!("{{{name}.{word}}}")))
            }
        }
    }

    fn word(&self, word: &str) -> Result<Option<String>, String> {
        let say = |error: Error| error.to_string();
        Ok(Some(match word {
            "port" => self.try_port("").map_err(say)?.to_string(),
            "dir" => self.try_dir().map_err(say)?.display().to_string(),
            "name" => self.name().to_owned(),
            _ => return Ok(None),
        }))
    }

    fn unknown(&self, place: &str) -> String {
        format!(
            "`{place}` is no placeholder: there are {{port}}, {{port:label}}, {{host}}, {{dir}}, \
             {{name}}, and {{process.port}} for another process; write `{{{place}` for the text itself"
        )
    }
}

impl Values for Process {
    fn port(&self) -> u16 {
        Process::port(self)
    }

    fn fill(&self, text: &str) -> Result<String, Error> {
        template::fill(text, |part| self.value(part)).map_err(|why| self.bad(why))
    }
}

fn has_nul(text: &std::ffi::OsStr) -> bool {
    text.as_encoded_bytes().contains(&0)
}
