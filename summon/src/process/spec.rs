//! The options of a process, as the builder collects them.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::panic::Location;
use std::path::PathBuf;

use crate::annotation::SourceLine;
use crate::command::Command;
use crate::contents::{self, Contents};
use crate::guard::{Attributes, ServerKind};
use crate::image::Options;
use crate::limit::Limit;
use crate::missing::Missing;
use crate::never::PANIC;
use crate::number_set::ExitCodes;
use crate::probe::Listener;
use crate::size::Size;
use crate::stdin::{Kind, Stdin};
use crate::sys::Signal;

/// The place of a declaration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Declared(&'static Location<'static>);

impl Declared {
    pub(crate) fn place(self) -> SourceLine {
        SourceLine::from(self.0)
    }
}

impl fmt::Display for Declared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.0.file(), self.0.line())
    }
}

/// Feeds nothing, since the same attribute in two binaries declares the same process.
impl Hash for Declared {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// How a ready-made server runs as a container of its official image.
#[derive(Clone, Debug)]
pub(crate) struct InImage {
    /// Makes the options those for the image. The arguments are then those of the user. The error is a hint.
    pub(crate) adapt: fn(&mut Spec, Option<&str>) -> Result<(), &'static str>,
    /// The number of arguments of the server itself. The arguments of the user follow.
    pub(crate) own_args: usize,
    /// The user of this machine that it runs as.
    pub(crate) own_user: Option<String>,
    pub(crate) password: Option<String>,
}

/// Feeds nothing: a function has another address in each binary, and the URL has the password.
impl Hash for InImage {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

#[derive(Clone, Debug, Hash)]
pub(crate) struct Spec {
    pub(crate) command: Command,
    pub(crate) args: Vec<OsString>,
    pub(crate) shell: bool,
    /// Changes to the environment, in order. `None` removes a variable.
    pub(crate) env: Vec<(OsString, Option<OsString>)>,
    pub(crate) current_dir: Option<PathBuf>,
    pub(crate) name: Option<String>,
    pub(crate) after: Vec<String>,
    pub(crate) timeout: Limit,
    pub(crate) turn_timeout: Limit,
    pub(crate) reuse: bool,
    pub(crate) listener: Listener,
    /// Whether the process has a link that other processes use.
    pub(crate) linked: bool,
    /// Patterns of output lines that report a failure.
    pub(crate) unless: Vec<String>,
    /// The reaction to a missing program. `SUMMON_MISSING` decides if `None`.
    pub(crate) missing: Option<Missing>,
    /// Patterns of output lines that fail a test.
    pub(crate) never: Vec<String>,
    /// Whether the program inherits its listening socket.
    pub(crate) listen_fd: bool,
    pub(crate) stdin: Stdin,
    pub(crate) attributes: Attributes,
    /// The user that the program runs as.
    pub(crate) user: Option<String>,
    /// Whether the program forks away.
    pub(crate) daemon: bool,
    /// Files to write into the private directory before the first start, by name.
    pub(crate) files: Vec<(PathBuf, Contents)>,
    /// Directories to create in the private directory before the first start, with their modes.
    pub(crate) dirs: Vec<(PathBuf, u32)>,
    /// The mode of the private directory, and of the parents of `files` and `dirs`.
    pub(crate) dir_mode: u32,
    /// Whether the private directory should be in memory. On disk if `None`.
    pub(crate) in_memory: Option<bool>,
    /// Commands that must succeed before the first start.
    pub(crate) before: Vec<Command>,
    /// Commands that run once. summon keeps their result for later starts. They run before `before`.
    pub(crate) before_once: Vec<Command>,
    /// Whether only the commands' words and the server's version decide about the result of
    /// `before_once`, as for the ready-made servers.
    pub(crate) is_known: bool,
    /// Commands to run after the stop.
    pub(crate) after_stop: Vec<Command>,
    pub(crate) log_limit: Size,
    /// Whether standard output and standard error are also recorded separately.
    pub(crate) split_output: bool,
    /// The signal that asks the process to end. If `None`, it is the image's, or else TERM.
    pub(crate) stop_signal: Option<Signal>,
    /// The signal of a stop after which nobody needs the files of the process. If `None`, it is the
    /// usual one.
    pub(crate) last_signal: Option<Signal>,
    pub(crate) signal_only_leader: bool,
    pub(crate) stop_command: Option<Command>,
    pub(crate) stop_timeout: Limit,
    pub(crate) expect_exit: Option<ExitCodes>,
    /// Whether an unasked end is a failure.
    pub(crate) must_live: bool,
    /// How an engine runs the image, if the process runs one.
    pub(crate) container: Options,
    pub(crate) in_image: Option<InImage>,
    /// The scheme of its URLs: `http://`.
    pub(crate) scheme: Cow<'static, str>,
    /// The path of the placeholder `{url}`, such as the default database.
    pub(crate) path: &'static str,
    /// The kind of the server, if summon can make databases on it.
    pub(crate) server_kind: Option<ServerKind>,
    pub(crate) declared: Declared,
}

impl Spec {
    pub(crate) fn new(command: Command, declared: &'static Location<'static>) -> Spec {
        Spec {
            // A panic of the user's own program is a bug that its test must not miss.
            never: match command.is_own() {
                true => vec![PANIC.to_owned()],
                false => Vec::new(),
            },
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
            listener: Listener::default(),
            linked: false,
            unless: Vec::new(),
            missing: None,
            listen_fd: false,
            stdin: Stdin::default(),
            attributes: Attributes::default(),
            user: None,
            daemon: false,
            files: Vec::new(),
            dirs: Vec::new(),
            dir_mode: contents::DIRECTORY,
            in_memory: None,
            before: Vec::new(),
            before_once: Vec::new(),
            is_known: false,
            after_stop: Vec::new(),
            log_limit: Size::from(64_000_000),
            split_output: false,
            stop_signal: None,
            last_signal: None,
            signal_only_leader: false,
            stop_command: None,
            stop_timeout: Limit::seconds(10),
            expect_exit: None,
            must_live: false,
            container: Options::default(),
            in_image: None,
            scheme: "http://".into(),
            path: "",
            server_kind: None,
            declared: Declared(declared),
        }
    }

    /// Returns the options of the process. A ready-made server has other options as an image.
    pub(crate) fn settled(mut self) -> Spec {
        let has_image = self.container.image.is_some();
        let Some(of) = self.in_image.take().filter(|_| has_image) else {
            return self;
        };
        self.args.drain(..of.own_args.min(self.args.len()));
        self.is_known = false;
        let in_dir = |dir: &PathBuf| dir.as_os_str() == "{dir}";
        self.current_dir = self.current_dir.filter(|dir| !in_dir(dir));
        self.user = self.user.filter(|user| Some(user) != of.own_user.as_ref());
        self.container.unfit = (of.adapt)(&mut self, of.password.as_deref()).err();
        self
    }

    /// Sets variables of the environment that `env` can override.
    pub(crate) fn put_before(&mut self, variables: impl Iterator<Item = (&'static str, String)>) {
        let variables = variables.map(|(name, value)| (name.into(), Some(value.into())));
        self.env.splice(0..0, variables);
    }

    /// Returns the words of the command line, with placeholders not filled in.
    pub(crate) fn argv(&self) -> Result<Vec<OsString>, String> {
        let mut argv = if self.container.image.is_some() {
            self.command.arguments()?
        } else if self.shell {
            let mut argv = vec!["/bin/sh".into(), "-c".into(), self.command.line()?.into()];
            if !self.args.is_empty() {
                // `$0` of the shell, which precedes the positional parameters.
                argv.push("sh".into());
            }
            argv
        } else {
            self.command.words()?
        };
        argv.extend(self.args.iter().cloned());
        Ok(argv)
    }

    /// Returns every text that may contain placeholders.
    pub(crate) fn texts(&self) -> Vec<OsString> {
        let mut texts = self.argv().unwrap_or_default();
        texts.extend(self.env.iter().filter_map(|(_, value)| value.clone()));
        let Options {
            entrypoint,
            mounts,
            engine_args,
            ..
        } = &self.container;
        texts.extend(entrypoint.iter().chain(engine_args).cloned());
        let mounts = mounts.iter();
        texts.extend(mounts.flat_map(|(outside, inside)| [outside.clone(), inside.clone()]));
        texts.extend(self.current_dir.iter().map(|dir| dir.clone().into()));
        if let Kind::File(path) = &self.stdin.0 {
            texts.push(path.clone().into());
        }
        texts.extend(
            self.files
                .iter()
                .map(|(_, contents)| contents.text.clone().into()),
        );
        let before = self.before_once.iter().chain(&self.before);
        let helpers = before.chain(&self.after_stop);
        for command in helpers.chain(&self.stop_command) {
            texts.extend(command.words().unwrap_or_default());
        }
        texts
    }
}
