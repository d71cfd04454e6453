//! The probe that is ready as soon as the program has been exec'ed.

use super::inside;
use super::{AtTheEnd, Facts, NotReady, Probe, Target};

/// A probe that only waits for the exec, made by [`started`].
///
/// [`SimpleExecutor`](crate::SimpleExecutor) uses it:
///
/// ```
/// use summon::{Coordinated, SimpleExecutor, probe};
///
/// let sleeper: Coordinated<probe::Started> = SimpleExecutor::new("sleep 100");
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Started;

/// Waits only until the program has been exec'ed, inside the container if it has one. Use it for programs without a sign of readiness,
/// and for programs that do their work and exit. A program that has already exited counts as ready.
///
/// ```
/// let sleeper = summon::Coordinated::with("sleep 100", summon::probe::started());
/// sleeper.start()?;
/// assert!(sleeper.is_running());
/// # Ok::<(), summon::Error>(())
/// ```
pub fn started() -> Started {
    Started
}

impl Probe for Started {
    /// A program is always ready: a guard reports a pid only after `execve` has succeeded. The engine's
    /// client runs long before the program of a container does.
    fn look(&self, target: &Target<'_>) -> Result<(), NotReady> {
        match target.container() {
            None => Ok(()),
            Some(container) => inside::has_started(target, container),
        }
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            is_ready_at_exec: true,
            at_the_end: AtTheEnd::Sign,
            ..Facts::default()
        }
    }

    fn describe(&self, _: &Target<'_>) -> String {
        "the exec of the program".to_owned()
    }
}
