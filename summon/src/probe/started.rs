//! Ready when the program has been exec'ed.

use super::{Facts, NotReady, Probe, Target};

/// Made by [`started`].
///
/// It is that of [`SimpleExecutor`](crate::SimpleExecutor):
///
/// ```
/// use summon::{Coordinated, SimpleExecutor, probe};
///
/// let sleeper: Coordinated<probe::Started> = SimpleExecutor::new("sleep 100");
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Started;

/// Ready as soon as the program has been exec'ed: for programs whose mere existence is enough, and
/// for those that do something and end, also if they have ended by now.
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
    /// A guard reports a pid only after `execve` has succeeded, so there is nothing left to see.
    fn look(&self, _: &Target<'_>) -> Result<(), NotReady> {
        Ok(())
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            is_ready_at_exec: true,
            ..Facts::default()
        }
    }

    fn describe(&self, _: &Target<'_>) -> String {
        "for the program to be exec'ed".to_owned()
    }
}
