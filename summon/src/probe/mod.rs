//! How to tell that a process is ready.
//!
//! A probe is a value: it looks once, and summon owns the rest, which is the deadline, the pace,
//! and the question whether the process has exited meanwhile. The functions here make the probes
//! that come with summon; anything else that can tell is a probe too, a closure for instance:
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

mod http;
mod listen;
mod output;
mod serves;
mod started;
mod target;
mod wait;
mod whose;

pub use http::{Http, Statuses, http};
pub use output::{Output, output};
pub use serves::{Tcp, Udp, tcp, udp};
pub use started::{Started, started};
pub use target::Target;
pub use whose::Whose;

pub(crate) use listen::{Place, is_this_machine, somebody as somebody_serves};
pub(crate) use target::Values;
pub(crate) use wait::{Waited, Why, until_ready};

use std::fmt;

use crate::sys::listeners::Protocol;

/// How to tell that a process is ready.
///
/// Closures that take a [`Target`] and return a `Result` are probes: `Ok` is ready, and the
/// error says why not yet.
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
    /// # Errors
    ///
    /// While the process is not ready, with what was seen instead; the last one is in the report
    /// of a start that fails.
    fn look(&self, target: &Target<'_>) -> Result<(), NotReady>;

    /// What is waited for, in a few words for the report: `tcp 127.0.0.1:6379`. By default the
    /// name of the type.
    fn describe(&self, target: &Target<'_>) -> String {
        let _ = target;
        let name = std::any::type_name::<Self>();
        name.rsplit("::").next().unwrap_or(name).to_owned()
    }

    /// What is wrong with the arguments of the constructor.
    #[doc(hidden)]
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    /// Where the process serves, if the probe knows.
    #[doc(hidden)]
    fn endpoint(&self) -> Option<Endpoint> {
        None
    }

    /// Texts with placeholders.
    #[doc(hidden)]
    fn texts(&self) -> Vec<&str> {
        Vec::new()
    }

    /// Whether it is ready once it has been exec'ed, though it may have ended by now.
    #[doc(hidden)]
    fn is_ready_at_exec(&self) -> bool {
        false
    }

    /// Whether nothing but new output can change the answer, so that there is no need to look
    /// from time to time.
    #[doc(hidden)]
    fn reads_output_only(&self) -> bool {
        false
    }
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
        Ok(())
    }
}

/// What a probe saw instead of readiness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotReady {
    pub(crate) why: String,
    pub(crate) never: bool,
}

impl NotReady {
    /// Not yet, and why; it will be looked at again.
    pub fn yet(why: impl Into<String>) -> NotReady {
        NotReady {
            why: why.into(),
            never: false,
        }
    }

    /// Never again, and why: waiting on would be in vain, so the start fails at once.
    pub fn ever(why: impl Into<String>) -> NotReady {
        NotReady {
            why: why.into(),
            never: true,
        }
    }
}

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}
