//! The declaration of a process: its options, its probes, and its name.

use std::hash::{Hash, Hasher};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use summon_syntax::{nodes, template};

use super::spec::Spec;
use crate::contents::directory_mode;
use crate::error::Error;
use crate::exec_error::is_shell;
use crate::image::{Inspected, Network};
use crate::limit::Limit;
use crate::never::PANIC;
use crate::output::Pattern;
use crate::probe::{Endpoint, Probe};
use crate::session::Site;
use crate::sys::users::{Access, User};
use crate::sys::{self, Signal};

pub(super) struct Declaration {
    pub(super) spec: Spec,
    /// The process is ready when each probe has succeeded, one after the other.
    pub(super) probes: Vec<Arc<dyn Probe>>,
    name: OnceLock<String>,
    /// Its image, as it was found at the first start.
    pub(super) image: OnceLock<Inspected>,
    /// Which node of its cluster this is.
    pub(super) index: Option<usize>,
}

impl Declaration {
    pub(super) fn new(
        spec: Spec,
        probes: Vec<Arc<dyn Probe>>,
        index: Option<usize>,
    ) -> Declaration {
        let name = spec.name.clone().map(|name| numbered(name, index));
        Declaration {
            name: name.map(OnceLock::from).unwrap_or_default(),
            spec,
            probes,
            image: OnceLock::new(),
            index,
        }
    }

    pub(super) fn name(&self) -> &str {
        self.name.get_or_init(|| {
            let stem = match self.has_image() {
                true => self.spec.container.stem().map(str::to_owned),
                false => self.spec.command.stem(),
            };
            numbered(stem.unwrap_or_else(|| "process".to_owned()), self.index)
        })
    }

    /// Returns the name of its cluster, if it is a node.
    pub(super) fn cluster(&self) -> Option<&str> {
        let (cluster, index) = nodes::split(self.name())?;
        (Some(index) == self.index).then_some(cluster)
    }

    /// Sets the name, unless the process has a name. A node adds its index.
    pub(super) fn suggest_name(&self, name: &str) {
        let _ = self.name.set(numbered(name.to_owned(), self.index));
    }

    pub(super) fn endpoints(&self) -> impl Iterator<Item = Endpoint> {
        let probes = self.probes.iter();
        probes.filter_map(|probe| probe.facts().endpoint)
    }

    /// Returns the main endpoint.
    pub(super) fn endpoint(&self) -> Option<Endpoint> {
        self.endpoints().next()
    }

    /// Returns the endpoints with a fixed port. A port of a container is fixed only inside of it.
    pub(super) fn fixed(&self) -> impl Iterator<Item = Endpoint> {
        let is_fixed = |endpoint: &Endpoint| endpoint.port != 0 && !self.has_own_ports();
        self.endpoints().filter(is_fixed)
    }

    /// Returns the stop signal of its image, if that is known and has one.
    pub(super) fn image_stop_signal(&self) -> Option<Signal> {
        Signal::named(self.image.get()?.stop_signal.as_ref()?)
    }

    /// Returns whether the process runs in a container.
    pub(super) fn has_image(&self) -> bool {
        self.spec.container.image.is_some()
    }

    /// Returns whether its ports are those of a container, and other ones on this machine lead to them.
    pub(super) fn has_own_ports(&self) -> bool {
        self.has_image() && self.spec.container.network() != Network::Host
    }

    /// Returns the declared port inside its container, if it has one.
    pub(super) fn inside_port(&self) -> Option<u16> {
        let port = self.endpoint()?.port;
        (self.has_own_ports() && port != 0).then_some(port)
    }

    /// Returns the port inside its container that a label names, as in `{port:15672}`.
    pub(super) fn inside_of(&self, label: &str) -> Option<u16> {
        let port = label.parse().ok().filter(|port| *port != 0);
        port.filter(|_| self.has_own_ports())
    }

    /// Returns whether the banner reports this value.
    pub(super) fn learns(&self, value: &str) -> bool {
        let mut probes = self.probes.iter();
        probes.any(|probe| probe.facts().values.contains(&value))
    }

    /// Returns the processes that must be ready before this one starts: the names in its
    /// placeholders, and the names in `after`. The nodes of a cluster may name each other in
    /// placeholders, since their ports are known before they start.
    pub(super) fn predecessors(&self) -> Vec<String> {
        let mut found = self.spec.after.clone();
        for text in self.texts() {
            let others = template::references(&text).filter(|name| !self.is_of_own_cluster(name));
            found.extend(others.map(str::to_owned));
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Returns whether its cluster, or a node of its cluster, has this name.
    fn is_of_own_cluster(&self, name: &str) -> bool {
        let cluster = self.cluster();
        cluster.is_some()
            && (cluster == Some(name) || cluster == nodes::split(name).map(|(cluster, _)| cluster))
    }

    /// Returns every text that may contain placeholders.
    pub(super) fn texts(&self) -> Vec<String> {
        let texts = self.spec.texts().into_iter();
        let mut texts: Vec<String> = texts.filter_map(|text| text.into_string().ok()).collect();
        for probe in &self.probes {
            texts.extend(probe.facts().texts.into_iter().map(str::to_owned));
        }
        texts
    }

    /// Feeds all options, which distinguish this process from other processes of its name.
    pub(super) fn hash_options(&self, state: &mut impl Hasher) {
        self.spec.hash(state);
        for probe in &self.probes {
            probe.hash_options(state);
        }
    }

    /// Returns whether the process is a job, which may end at any time: no probe waits for more
    /// than its exec.
    pub(super) fn is_job(&self) -> bool {
        self.probes.iter().all(|it| it.facts().is_ready_at_exec)
    }

    /// Returns whether the program is a shell.
    pub(super) fn is_shell(&self) -> bool {
        let words = self.spec.command.words().unwrap_or_default();
        let program = words.first().map(Path::new).and_then(Path::file_name);
        program.is_some_and(|program| program.to_str().is_some_and(is_shell))
    }

    /// Checks the probes and the patterns of lines, and compiles the patterns of `unless`.
    pub(super) fn check(&self) -> Result<Vec<Pattern>, Error> {
        for probe in &self.probes {
            probe.check().map_err(|why| self.bad(why))?;
        }
        let compile = |option: &str, banner: &String| match Pattern::new(banner) {
            Ok(pattern) if pattern.is_match(b"") => Err(self.bad(format!(
                "`{option}` has `{banner}`, which matches the empty line"
            ))),
            Ok(pattern) => Ok(pattern),
            Err(why) => Err(self.bad(format!("`{option}` {why}"))),
        };
        let given = self.spec.never.iter().filter(|it| *it != PANIC);
        for banner in given {
            compile("never", banner)?;
        }
        let unless = self.spec.unless.iter();
        unless.map(|it| compile("unless", it)).collect()
    }

    /// Returns the patterns of lines that fail a test. `check` has checked them.
    pub(super) fn never(&self) -> Vec<Pattern> {
        let never = self.spec.never.iter();
        never.filter_map(|it| Pattern::new(it).ok()).collect()
    }

    pub(super) fn limit(&self, limit: &Limit) -> Result<Duration, Error> {
        limit
            .get()
            .map_err(|why| self.error(format!("{}: {why}", self.name())))
    }

    /// Returns the user that the program runs as. `None` is the current user.
    pub(super) fn user(&self) -> Result<Option<User>, Error> {
        // The users of an image are its own.
        let named = self.spec.user.as_ref().filter(|_| !self.has_image());
        let Some(name) = named else {
            return Ok(None);
        };
        let no = |why: String| self.bad(format!("it can't run as user `{name}`: {why}"));
        let found = User::named(name).map_err(|error| no(error.to_string()))?;
        let user = found.ok_or_else(|| no("there is no such user".to_owned()))?;
        match sys::user() {
            own if own == user.uid => Ok(None),
            0 => Ok(Some(user)),
            _ => Err(no("only root may run programs as other users".to_owned())),
        }
    }

    /// Returns the owner and the mode of the private directory.
    pub(super) fn access(&self) -> Result<Access, Error> {
        let mode = directory_mode(self.spec.dir_mode)
            .map_err(|error| self.bad(format!("`dir_mode`: {error}")))?;
        let user = self.user()?;
        Ok(Access { user, mode })
    }

    /// Returns what the private directory must be like. `SUMMON_MEMORY` decides about the memory, or
    /// else the option, or else whether it is known that the server clones databases.
    pub(super) fn site(&self, has_template: bool) -> Result<Site, Error> {
        let everywhere = std::env::var_os("SUMMON_MEMORY").filter(|it| !it.is_empty());
        let by_option = self.spec.in_memory.unwrap_or(has_template);
        let mut files = self.spec.files.iter();
        Ok(Site {
            access: self.access()?,
            in_memory: everywhere.map_or(by_option, |it| it != "0"),
            executes: files.any(|(_, file)| file.file_mode().is_ok_and(|mode| mode & 0o111 != 0)),
        })
    }
}

/// Returns the name of a process, which for a node ends with its index.
fn numbered(name: String, index: Option<usize>) -> String {
    match index {
        Some(index) => nodes::name(&name, index),
        None => name,
    }
}

/// Returns the name of the banner's group that reports the port with this label.
pub(super) fn port_value(label: &str) -> String {
    match label {
        "" => "port".to_owned(),
        label => format!("port_{label}"),
    }
}
