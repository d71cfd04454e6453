//! Parts of a test that allow lines which `never` forbids.

use std::fmt;
use std::sync::{MutexGuard, PoisonError};

use super::Process;
use super::launched::Launched;
use super::parts::Parts;
use crate::guard::Allowed;
use crate::output::Pattern;
use crate::sys::maker::Maker;

/// Lines that a process may write, although [`never`](crate::Coordinated::never) forbids them.
/// Dropping it forbids them again. [`Process::allowing`] returns it.
///
/// ```
/// use summon::{Allowance, SimpleExecutor};
///
/// let server = SimpleExecutor::new("sleep 100").never("ERROR");
/// server.start()?;
/// let allowance: Allowance<'_> = server.allowing("ERROR: timeout");
/// drop(allowance);
/// server.stop()?;
/// # Ok::<(), summon::Error>(())
/// ```
#[must_use = "the lines are forbidden again when this is dropped; keep it: `let _allowed = ..`"]
pub struct Allowance<'p> {
    process: &'p Process,
    pattern: String,
    maker: Maker,
}

impl Process {
    /// Calls `body`, and allows the lines that match `regex` meanwhile, although
    /// [`never`](crate::Coordinated::never) forbids them. Returns the result of `body`.
    ///
    /// ```
    /// use summon::{SimpleExecutor, Stdin};
    ///
    /// let echo = SimpleExecutor::new("cat").stdin(Stdin::piped()).never("ERROR");
    /// echo.start()?;
    /// echo.allows("ERROR: no cheese", || {
    ///     echo.write_stdin("ERROR: no cheese\n")?;
    ///     echo.wait_for_output("cheese", "5s")
    /// })?;
    /// echo.stop()?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// Every line counts that the program writes before the return of `body`. If it may write the
    /// line later, wait for it in `body`, for example with
    /// [`wait_for_output`](Process::wait_for_output). The lines of a fixture are then allowed for
    /// all tests that use it, in all test processes.
    ///
    /// # Panics
    ///
    /// If `regex` is not a regular expression, or if `body` panics.
    #[track_caller]
    pub fn allows<R>(&self, regex: &str, body: impl FnOnce() -> R) -> R {
        let _allowance = self.allowing(regex);
        body()
    }

    /// Allows lines as [`allows`](Process::allows) does, until the returned value is dropped. This
    /// is for async tests.
    ///
    /// ```
    /// # async fn request() {}
    /// # async fn test() -> Result<(), summon::Error> {
    /// let server = summon::SimpleExecutor::new("sleep 100").never("ERROR");
    /// server.start()?;
    /// let allowed = server.allowing("ERROR");
    /// request().await;
    /// drop(allowed);
    /// server.stop()
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// If `regex` is not a regular expression.
    #[track_caller]
    pub fn allowing(&self, regex: &str) -> Allowance<'_> {
        if let Err(why) = Pattern::new(regex) {
            panic!("{} can't allow lines: `{regex}` {why}", self.name());
        }
        let parts = &self.parts;
        {
            // A launch between the two steps would note the allowance twice, and end it once.
            let mut allowed = parts.allowed();
            allowed.push(regex.to_owned());
            parts.tell_allowed(regex, true);
        }
        Allowance {
            process: self,
            pattern: regex.to_owned(),
            maker: Maker::here(),
        }
    }
}

impl Parts {
    /// Returns the patterns that the test allows at present.
    pub(super) fn allowed(&self) -> MutexGuard<'_, Vec<String>> {
        self.allowed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the guard, and returns when it has noted the place in the output.
    fn tell_allowed(&self, pattern: &str, begins: bool) {
        if let Some(launched) = self.life.launched() {
            launched.guarded.allow(pattern, begins);
            launched.guarded.catch_up();
        }
    }

    /// Allows the lines of a launch that the test allows at present, from its beginning on.
    pub(super) fn allow_in(launched: &Launched, allowed: &[String]) {
        let streams = launched.home.streams().map(|it| it.begun());
        for pattern in allowed {
            launched.guarded.note_allowed(Allowed {
                pattern: pattern.clone(),
                begins: true,
                log: launched.since,
                streams: streams.unwrap_or_default(),
            });
        }
    }
}

impl Drop for Allowance<'_> {
    fn drop(&mut self) {
        // A forked child has a copy, and must not end the allowance of its parent.
        if !self.maker.is_here() {
            return;
        }
        let parts = &self.process.parts;
        let mut allowed = parts.allowed();
        if let Some(at) = allowed.iter().position(|it| *it == self.pattern) {
            allowed.remove(at);
        }
        parts.tell_allowed(&self.pattern, false);
    }
}

impl fmt::Debug for Allowance<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Allowance").field(&self.pattern).finish()
    }
}
