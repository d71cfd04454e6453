//! How to tell that a process is ready.
//!
//! A probe is a value: it looks once, and summon owns the rest, which is the deadline, the pace,
//! and the question whether the process has exited meanwhile. The functions here make the probes
//! that come with summon:
//!
//! | probe | ready when | how it is known |
//! | --- | --- | --- |
//! | [`started`] | the program has been exec'ed | the guard says so |
//! | [`output()`] | a line of its output matches a banner, perhaps several times | the guard says that there is more |
//! | [`tcp`], [`udp`] | it serves its port | the kernel is asked whose it is |
//! | [`unix()`] | it serves a Unix socket | the system tells of the file, and is asked whose it is |
//! | [`file()`] | a file is there | the system tells |
//! | [`notify()`] | it says `READY=1` | the guard says so |
//! | [`http()`] | a URL answers as expected | a request |
//! | [`exec()`] | a command exits with code 0 | the command is run |
//! | [`any`] | one of several says so | |
//!
//! That is so on Linux; [other systems](crate::guide::platforms) tell less, and are asked instead.
//! The guard is a small process of summon's own, the parent of the program
//! ([how it works](crate#how-it-works)). Nothing that the system tells is
//! asked for again and again. What must be looked at is looked at every half millisecond at first,
//! and then at a pace that slows down with the time already waited
//! ([in detail](crate::guide::readiness#how-summon-waits)).
//!
//! Anything else that can tell is a probe too, a closure for instance:
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

mod any;
mod descendants;
mod elsewhere;
mod exec;
mod file;
mod forked;
mod hosts;
mod http;
mod listen;
mod memory;
mod nearest;
mod news;
mod notify;
mod output;
mod serves;
mod started;
mod target;
mod unix;
mod wait;
mod whose;

pub use any::{Any, Probes, any};
pub use exec::{Exec, exec};
pub use file::{File, file};
pub use http::{Http, Statuses, http};
pub use notify::{Notify, notify};
pub use output::{Output, output};
pub use serves::{Tcp, Udp, tcp, udp};
pub use started::{Started, started};
pub use target::Target;
pub use unix::{Unix, unix};
pub use whose::Whose;

pub(crate) use descendants::{busy_for, left_behind};
pub(crate) use forked::ForkedAway;
pub(crate) use hosts::{is_localhost, is_this_machine};
#[cfg(fuzzing)]
#[doc(hidden)]
pub use http::fuzzing as http_fuzzing;
pub(crate) use listen::{Place, somebody as somebody_serves};
pub(crate) use target::{Scene, Values};
pub(crate) use wait::{Seen, Waited, Why, until_ready};

use std::fmt;
use std::time::Instant;

use crate::sys::listeners::Protocol;

/// How to tell that a process is ready.
///
/// Closures that take a [`Target`] and return a `Result` are probes: `Ok` is ready, and the
/// error says why not yet. A probe that can also give up is a type that implements this trait.
///
/// ```
/// use summon::probe::{NotReady, Probe, Target};
///
/// /// Ready when so many bytes were written.
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
    /// Looks once, without waiting. It is called again, at a pace that grows gently, until it
    /// says ready or [`NotReady::ever`], the process exits, or the deadline passes. If it must
    /// wait for an answer, it does not wait beyond [`Target::deadline`].
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
    /// While the process is not ready, with what was seen instead; the last one is in the report
    /// of a start that fails.
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
    ///     // waiting   3 tables in db: there is none (9 looks in 0.2 s, limit 30s)
    ///     fn describe(&self, target: &Target<'_>) -> String {
    ///         format!("{} tables in {}", self.0, target.name())
    ///     }
    /// }
    /// ```
    fn describe(&self, target: &Target<'_>) -> String {
        if let Some(probe) = self.wrapped() {
            return probe.describe(target);
        }
        let name = std::any::type_name::<Self>();
        name.rsplit("::").next().unwrap_or(name).to_owned()
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
            ..self.wrapped().map(|it| it.facts()).unwrap_or_default()
        }
    }

    /// Takes note of what is there before the process starts.
    #[doc(hidden)]
    fn begin(&self, target: &Target<'_>) {
        if let Some(probe) = self.wrapped() {
            probe.begin(target);
        }
    }

    /// Examines why the process did not become ready. This may cost more than a look. `last` is the
    /// reason of the last look.
    #[doc(hidden)]
    fn explain(&self, target: &Target<'_>, last: &str) -> Explained {
        self.wrapped()
            .map(|it| it.explain(target, last))
            .unwrap_or_default()
    }
}

/// What summon knows of a probe without a look.
#[doc(hidden)]
#[derive(Default)]
#[expect(missing_debug_implementations, reason = "a probe has none")]
pub struct Facts<'a> {
    /// Where the process serves.
    pub(crate) endpoint: Option<Endpoint>,
    /// The texts with placeholders.
    pub(crate) texts: Vec<&'a str>,
    /// The names of the values that the probe learns from the process.
    pub(crate) values: Vec<&'a str>,
    /// The process is ready after exec, even if it has ended since.
    pub(crate) is_ready_at_exec: bool,
    /// The process needs a socket to say that it is ready.
    pub(crate) is_told_by_socket: bool,
    /// The probes of which one must be ready.
    pub(crate) alternatives: Vec<&'a dyn Probe>,
}

/// What a probe has to say when it is too late.
#[doc(hidden)]
#[derive(Clone, Debug, Default)]
pub struct Explained {
    /// Instead of what the last look has seen.
    pub(crate) last: Option<String>,
    /// What is probably wrong.
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
        "a probe of the test's".to_owned()
    }
}

/// Where a process serves. Port 0 stands for one that summon picks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(hidden)]
pub struct Endpoint {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) protocol: Protocol,
}

impl Endpoint {
    fn check(&self) -> Result<(), String> {
        if self.host.is_empty() {
            return Err("the host is empty; `localhost` is the usual one".to_owned());
        }
        let host = &self.host;
        // One of IPv6 has two colons at least, and a placeholder may have one too.
        if host.contains('/') || (host.matches(':').count() == 1 && !host.contains('{')) {
            return Err(format!(
                "`{host}` is no host: write a name or an address alone, without a port or `http://`"
            ));
        }
        Ok(())
    }
}

/// What a probe saw instead of readiness.
///
/// ```
/// use summon::probe::NotReady;
///
/// let error = NotReady::yet("3 of 5 tables are there");
/// assert_eq!(error.to_string(), "3 of 5 tables are there");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotReady {
    pub(crate) why: String,
    pub(crate) again: Again,
}

/// When to look again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    AtItsPace,
    /// A little more often: it is not the program itself that is asked.
    Soon,
    /// Not before then.
    Later(Instant),
    /// When there is news: the probe has subscribed to what could change the answer.
    WhenTold,
    Never,
}

impl NotReady {
    /// Not yet, and why; it will be looked at again.
    ///
    /// ```
    /// use summon::probe::{NotReady, Target};
    ///
    /// fn says_hello(target: &Target<'_>) -> Result<(), NotReady> {
    ///     match target.output().starts_with(b"hello") {
    ///         true => Ok(()),
    ///         false => Err(NotReady::yet("it did not say hello")),
    ///     }
    /// }
    ///
    /// let server = summon::Coordinated::with("sh -c 'echo hello; exec sleep 100'", says_hello);
    /// server.start()?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    pub fn yet(why: impl Into<String>) -> NotReady {
        NotReady {
            why: why.into(),
            again: Again::AtItsPace,
        }
    }

    /// Never again, and why: waiting on would be in vain, so the start fails at once. From a closure
    /// it means [`yet`](NotReady::yet), as whatever error does.
    ///
    /// ```
    /// use summon::probe::{NotReady, Probe, Target};
    ///
    /// /// Ready when it has said `done`.
    /// struct Migrated;
    ///
    /// impl Probe for Migrated {
    ///     fn look(&self, target: &Target<'_>) -> Result<(), NotReady> {
    ///         match target.output().as_slice() {
    ///             b"done\n" => Ok(()),
    ///             b"failed\n" => Err(NotReady::ever("the migration has failed")),
    ///             _ => Err(NotReady::yet("the migration goes on")),
    ///         }
    ///     }
    /// }
    ///
    /// let server = summon::Coordinated::with("sh -c 'echo failed; exec sleep 100'", Migrated);
    /// assert!(!server.start().unwrap_err().is_timeout());
    /// ```
    pub fn ever(why: impl Into<String>) -> NotReady {
        NotReady {
            why: why.into(),
            again: Again::Never,
        }
    }

    /// To look again does not disturb the program.
    fn soon(mut self) -> NotReady {
        self.again = Again::Soon;
        self
    }

    /// The server has asked to be left alone until then.
    fn not_before(mut self, then: Instant) -> NotReady {
        self.again = Again::Later(then);
        self
    }

    /// No need to look again before there is news, if `told`.
    fn unless_told(mut self, told: bool) -> NotReady {
        if told {
            self.again = Again::WhenTold;
        }
        self
    }
}

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

/// What is wrong with a path that a probe was given.
fn check_path(path: &str, of: &str) -> Result<(), String> {
    match path {
        "" => Err(format!("the path of the {of} is empty")),
        path if path.contains('\0') => Err(format!("the path {path:?} contains a NUL byte")),
        _ => Ok(()),
    }
}
