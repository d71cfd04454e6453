//! Readiness probes: checks that a process is ready.
//!
//! A probe looks once. summon calls it again until it reports ready, keeps the deadline and the
//! pace, and checks whether the process has exited meanwhile. These functions make the built-in
//! probes:
//!
//! | probe | ready when | how it is known |
//! | --- | --- | --- |
//! | [`started`] | the program has been exec'ed | the guard reports it |
//! | [`output()`] | lines of its output match a banner | the guard reports new output |
//! | [`tcp`], [`udp`] | it serves its port | the kernel names the owner of the socket |
//! | [`unix()`] | it serves a Unix socket | inotify reports the file, and the kernel names its owner |
//! | [`file()`] | a file exists | inotify reports it |
//! | [`notify()`] | it sends `READY=1` | the guard receives the message |
//! | [`http()`] | a URL answers as expected | summon sends requests |
//! | [`exec()`] | a command exits with code 0 | summon runs the command |
//! | [`any`] | one of several probes is ready | |
//!
//! The table describes Linux; on [other systems](crate::guide::platforms) summon polls more.
//! The guard is a small process that summon starts as the parent of the program
//! ([how it works](crate#how-it-works)). summon does not poll for events that the system reports.
//! It polls the rest every half millisecond at first, and more slowly as the wait gets longer
//! ([in detail](crate::guide::readiness#how-summon-waits)).
//!
//! You can write other probes, for instance as a closure:
//!
//! ```
//! use summon::{Coordinated, probe::Target};
//!
//! let sees_file = |target: &Target<'_>| std::fs::metadata(target.dir().join("pid"));
//! let server = Coordinated::with(["sh", "-c", "echo $$ > {dir}/pid; exec sleep 100"], sees_file);
//! server.start()?;
//! # server.stop()?;
//! # Ok::<(), summon::Error>(())
//! ```

// A new probe is a file here, a `pub use` and a row of the table above, and in the macros a row of `kind.rs`
// and the call of its function in `expand.rs`. Its options and the name of its executor are in
// `executor/flavours.rs`.
mod any;
mod container;
mod descendants;
mod endpoint;
mod exec;
mod file;
mod forked;
mod wrong_address;

mod choose_listeners;
mod healthy;
mod held_ports;
mod http;
mod inside;
mod lines;
mod listen;
mod memory;
mod nearest_line;
mod news;
mod not_yet;
mod notify;
mod output;
mod pauses;
mod request_pace;
mod resolve_host;
mod serves;
mod started;
mod target;
mod unix;
mod wait;
mod watched;

pub use any::{Any, Probes, any};
pub use choose_listeners::Listener;
#[doc(hidden)]
pub use endpoint::Endpoint;
pub use exec::{Exec, exec};
pub use file::{File, file};
pub use healthy::{Healthy, healthy};
pub use http::{Http, http};
pub use not_yet::NotReady;
pub use notify::{Notify, notify};
pub use output::{Output, output};
pub use serves::{Tcp, Udp, tcp, udp};
pub use started::{Started, started};
pub use target::Target;
pub use unix::{Unix, unix};

pub use crate::number_set::Statuses;

pub(crate) use container::Container;
pub(crate) use descendants::{is_deaf, left_behind, left_for_good, settle};
pub(crate) use endpoint::Place;
pub(crate) use forked::ForkedAway;
pub(crate) use held_ports::{held, is_held, until_free};
#[cfg(fuzzing)]
#[doc(hidden)]
pub use http::fuzzing as http_fuzzing;
pub(crate) use listen::somebody as somebody_serves;
pub(crate) use resolve_host::{is_localhost, is_this_machine};
pub(crate) use target::{Scene, Values};
pub(crate) use wait::{Verdict, Waited, Why, until_ready};

use std::fmt;
use std::hash::{Hash, Hasher};

/// A check that a process is ready.
///
/// Closures that take a [`Target`] and return a `Result` are probes: `Ok` means ready, and the
/// error says why the process is not ready yet. To end a start early, implement this trait and
/// return [`NotReady::ever`].
///
/// ```
/// use summon::probe::{NotReady, Probe, Target};
///
/// /// Ready when the process has written this number of bytes.
/// struct Written(usize);
///
/// impl Probe for Written {
///     fn look(&self, target: &Target<'_>) -> Result<(), NotReady> {
///         match target.output().len() {
///             written if written >= self.0 => Ok(()),
///             written => Err(NotReady::yet(format!("{written} of {} bytes", self.0))),
///         }
///     }
/// }
///
/// let server = summon::Coordinated::with("sh -c 'echo hello; exec sleep 100'", Written(5));
/// server.start()?;
/// # server.stop()?;
/// # Ok::<(), summon::Error>(())
/// ```
pub trait Probe: Send + Sync + 'static {
    /// Looks once, without waiting. summon calls it again, with growing pauses, until it returns
    /// ready or [`NotReady::ever`], the process exits, or the deadline passes. A probe that must
    /// wait for an answer stops waiting at [`Target::deadline`].
    ///
    /// ```
    /// use summon::probe::{NotReady, Probe, Target};
    ///
    /// /// Ready when the file with its pid is complete.
    /// struct PidFile;
    ///
    /// impl Probe for PidFile {
    ///     fn look(&self, target: &Target<'_>) -> Result<(), NotReady> {
    ///         match std::fs::read_to_string(target.dir().join("pid")) {
    ///             Ok(pid) if pid.ends_with('\n') => Ok(()),
    ///             Ok(pid) => Err(NotReady::yet(format!("the pid is {pid:?}"))),
    ///             Err(error) => Err(NotReady::yet(error.to_string())),
    ///         }
    ///     }
    /// }
    ///
    /// let command = ["sh", "-c", "echo $$ > {dir}/pid; exec sleep 100"];
    /// let server = summon::Coordinated::with(command, PidFile);
    /// server.start()?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`NotReady`] while the process is not ready. It says what the probe saw instead. If
    /// the start fails, the report shows the last one.
    fn look(&self, target: &Target<'_>) -> Result<(), NotReady>;

    /// Describes in a few words what summon waits for, for the report: `tcp 127.0.0.1:6379`.
    /// Default: the description of the [wrapped](Probe::wrapped) probe, or else the name of the type.
    ///
    /// ```
    /// use summon::probe::{NotReady, Probe, Target};
    ///
    /// struct Tables(usize);
    ///
    /// impl Probe for Tables {
    ///     fn look(&self, _: &Target<'_>) -> Result<(), NotReady> {
    ///         Err(NotReady::yet("there is none"))
    ///     }
    ///
    ///     // waiting   3 tables in db: there is none (9 checks in 0.2 s, limit 30s)
    ///     fn describe(&self, target: &Target<'_>) -> String {
    ///         format!("{} tables in {}", self.0, target.name())
    ///     }
    /// }
    /// ```
    fn describe(&self, target: &Target<'_>) -> String {
        if let Some(probe) = self.wrapped() {
            return probe.describe(target);
        }
        type_name::<Self>().to_owned()
    }

    /// The probe that this one wraps. Default: none.
    ///
    /// A probe that looks with another one and names it here keeps what summon knows of that one:
    /// the port that `{port}` stands for, the placeholders in its texts, the check of its arguments,
    /// its description, and the hints in reports.
    ///
    /// ```
    /// use summon::probe::{self, NotReady, Probe, Target};
    ///
    /// /// Ready when the server listens and has written its key.
    /// struct WithKey(probe::Tcp);
    ///
    /// impl Probe for WithKey {
    ///     fn look(&self, target: &Target<'_>) -> Result<(), NotReady> {
    ///         self.0.look(target)?;
    ///         match target.dir().join("key").exists() {
    ///             true => Ok(()),
    ///             false => Err(NotReady::yet("the key is missing")),
    ///         }
    ///     }
    ///
    ///     fn wrapped(&self) -> Option<&dyn Probe> {
    ///         Some(&self.0)
    ///     }
    /// }
    ///
    /// let probe = WithKey(probe::tcp("127.0.0.1", 8080));
    /// assert_eq!(summon::Coordinated::with("my-server", probe).port(), 8080);
    /// ```
    fn wrapped(&self) -> Option<&dyn Probe> {
        None
    }

    /// Checks the arguments of the constructor.
    #[doc(hidden)]
    fn check(&self) -> Result<(), String> {
        self.wrapped().map_or(Ok(()), <dyn Probe>::check)
    }

    /// Returns what summon knows of the probe without a look.
    #[doc(hidden)]
    fn facts(&self) -> Facts<'_> {
        Facts {
            // `until_ready` looks at the alternatives in place of the probe, and would miss the
            // look of this one.
            alternatives: Vec::new(),
            // The look of this one may see something else, and take its time.
            is_seen_in_log: false,
            at_the_end: AtTheEnd::Nothing,
            ..self.wrapped().map(|it| it.facts()).unwrap_or_default()
        }
    }

    /// Feeds the type and the options, which distinguish this probe from others.
    #[doc(hidden)]
    fn hash_options(&self, mut state: &mut dyn Hasher) {
        let facts = self.facts();
        (type_name::<Self>(), facts.endpoint, facts.texts).hash(&mut state);
        if let Some(probe) = self.wrapped() {
            probe.hash_options(state);
        }
    }

    /// Records the state before the process starts.
    #[doc(hidden)]
    fn begin(&self, target: &Target<'_>) {
        if let Some(probe) = self.wrapped() {
            probe.begin(target);
        }
    }

    /// Examines why the process did not become ready. This may cost more than a look.
    #[doc(hidden)]
    fn explain(&self, target: &Target<'_>) -> Explained {
        self.wrapped()
            .map(|it| it.explain(target))
            .unwrap_or_default()
    }
}

/// What summon knows of a probe without a look.
#[doc(hidden)]
#[derive(Default)]
#[expect(missing_debug_implementations, reason = "a probe has none")]
pub struct Facts<'a> {
    /// The host, port, and protocol of the process.
    pub(crate) endpoint: Option<Endpoint>,
    /// The texts with placeholders.
    pub(crate) texts: Vec<&'a str>,
    /// The names of the values that the probe learns from the process.
    pub(crate) values: Vec<&'a str>,
    /// The process is ready after exec, even if it has ended since.
    pub(crate) is_ready_at_exec: bool,
    /// The sign of readiness is output.
    pub(crate) is_seen_in_log: bool,
    /// The process needs a socket to say that it is ready.
    pub(crate) is_told_by_socket: bool,
    /// The sign of readiness is a file of this machine.
    pub(crate) is_seen_in_files: bool,
    pub(crate) at_the_end: AtTheEnd,
    /// The probes of which one must be ready.
    pub(crate) alternatives: Vec<&'a dyn Probe>,
}

/// What a look can see of a process that has exited, without the code of the user.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum AtTheEnd {
    /// Nothing, or the look runs code of the user.
    #[default]
    Nothing,
    /// The sign of readiness, which outlives the process: its exec, output, a notice, a file.
    Sign,
    /// The server that has taken the port.
    Port,
}

/// A probe's explanation of a start that failed.
#[doc(hidden)]
#[derive(Clone, Debug, Default)]
pub struct Explained {
    /// The text that replaces the reason of the last look.
    pub(crate) last: Option<String>,
    /// The probable cause and its remedy.
    pub(crate) hint: Option<String>,
}

impl<F, T, E> Probe for F
where
    F: Fn(&Target<'_>) -> Result<T, E> + Send + Sync + 'static,
    E: fmt::Display,
{
    fn look(&self, target: &Target<'_>) -> Result<(), NotReady> {
        match self(target) {
            Ok(_) => Ok(()),
            Err(error) => Err(NotReady::yet(error.to_string())),
        }
    }

    fn describe(&self, _: &Target<'_>) -> String {
        "a closure of the test".to_owned()
    }
}

/// Returns the name of a type without its path, which begins with the test binary.
fn type_name<T: ?Sized>() -> &'static str {
    let name = std::any::type_name::<T>();
    name.rsplit("::").next().unwrap_or(name)
}

/// Checks the path of a probe.
fn check_path(path: &str, of: &str) -> Result<(), String> {
    match path {
        "" => Err(format!("the path of the {of} is empty")),
        path if path.contains('\0') => Err(format!("the path {path:?} contains a NUL byte")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Wrapper(Output);

    impl Probe for Wrapper {
        fn look(&self, target: &Target<'_>) -> Result<(), NotReady> {
            self.0.look(target)
        }

        fn wrapped(&self) -> Option<&dyn Probe> {
            Some(&self.0)
        }
    }

    #[test]
    fn what_a_user_wraps_around_a_banner_may_see_more_than_output() {
        assert!(output("up").facts().is_seen_in_log);
        assert!(!Wrapper(output("up")).facts().is_seen_in_log);
        assert!(!any([output("up")]).facts().is_seen_in_log);
    }
}
