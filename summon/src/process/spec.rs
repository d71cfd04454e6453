//! What the builder collects: everything about a process that is known before it runs.

use std::ffi::OsString;
use std::panic::Location;
use std::path::PathBuf;

use crate::command::Command;
use crate::limit::Limit;
use crate::probe::Whose;
use crate::sys::Signal;

#[derive(Clone, Debug)]
pub(crate) struct Spec {
    pub(crate) command: Command,
    pub(crate) args: Vec<OsString>,
    pub(crate) shell: bool,
    /// Changes to the environment, in order. `None` removes.
    pub(crate) env: Vec<(OsString, Option<OsString>)>,
    pub(crate) current_dir: Option<PathBuf>,
    pub(crate) name: Option<String>,
    pub(crate) after: Vec<String>,
    pub(crate) timeout: Limit,
    pub(crate) turn_timeout: Limit,
    pub(crate) reuse: bool,
    pub(crate) listener: Whose,
    /// Banners of lines that mean failure.
    pub(crate) unless: Vec<String>,
    /// It is given the socket on which it listens.
    pub(crate) listen_fd: bool,
    pub(crate) stop_signal: Signal,
    pub(crate) stop_timeout: Limit,
    /// If it ends by itself that is a failure.
    pub(crate) must_live: bool,
    pub(crate) declared: &'static Location<'static>,
}

impl Spec {
    pub(crate) fn new(command: Command, declared: &'static Location<'static>) -> Spec {
        Spec {
            command,
            args: Vec::new(),
            shell: false,
            env: Vec::new(),
            current_dir: None,
            name: None,
            after: Vec::new(),
            timeout: Limit::seconds(30),
            turn_timeout: Limit::seconds(10 * 60),
            reuse: false,
            listener: Whose::default(),
            unless: Vec::new(),
            listen_fd: false,
            stop_signal: Signal::TERM,
            stop_timeout: Limit::seconds(10),
            must_live: false,
            declared,
        }
    }

    /// The words to run, placeholders and all.
    pub(crate) fn argv(&self) -> Result<Vec<OsString>, String> {
        let mut argv = if self.shell {
            let mut argv = vec!["/bin/sh".into(), "-c".into(), self.command.line()?.into()];
            if !self.args.is_empty() {
                // The shell's own name, before its positional parameters.
                argv.push("sh".into());
            }
            argv
        } else {
            self.command.words()?
        };
        argv.extend(self.args.iter().cloned());
        Ok(argv)
    }

    /// Everything but the place in the source.
    pub(crate) fn options(&self) -> String {
        let command = (
            &self.command,
            &self.args,
            self.shell,
            &self.env,
            &self.current_dir,
        );
        let limits = (&self.timeout, &self.turn_timeout, &self.stop_timeout);
        let ready = (&self.unless, self.listen_fd, self.reuse, &self.listener);
        let rest = (self.stop_signal, self.must_live, &self.name);
        format!("{command:?} {limits:?} {ready:?} {rest:?}")
    }

    /// Every text in which placeholders are filled in.
    pub(crate) fn texts(&self) -> Vec<OsString> {
        let mut texts = self.argv().unwrap_or_default();
        texts.extend(self.env.iter().filter_map(|(_, value)| value.clone()));
        texts.extend(self.current_dir.iter().map(|dir| dir.clone().into()));
        texts
    }
}
