//! The reason why a process is not ready, and when to look again.

use std::fmt;
use std::io;
use std::time::Instant;

/// The reason why a process is not ready.
///
/// ```
/// use summon::probe::NotReady;
///
/// let error = NotReady::yet("3 of 5 tables are there");
/// assert_eq!(error.to_string(), "3 of 5 tables are there");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotReady {
    pub(super) why: String,
    /// The end of the process has cut this look short, so it says less than the look before it.
    pub(super) is_cut_short: bool,
    pub(super) again: Again,
}

/// The time of the next look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    AtItsPace,
    /// Slightly more often, since the look does not load the program.
    Soon,
    /// Seldom: the server answers, and may write a line for each question.
    AtRequestPace,
    /// At this time, not earlier.
    Later(Instant),
    /// After the next event: the probe has subscribed to each event that could change the answer.
    WhenTold,
    Never,
}

impl NotReady {
    /// Makes a reason to wait on; summon will look again.
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
            is_cut_short: false,
            again: Again::AtItsPace,
        }
    }

    /// Makes a reason to give up; the start fails at once. Returned from a closure it means
    /// [`yet`](NotReady::yet), as every error does.
    ///
    /// ```
    /// use summon::probe::{NotReady, Probe, Target};
    ///
    /// /// Ready when the process has written `done`.
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
            is_cut_short: false,
            again: Again::Never,
        }
    }

    /// Marks a look that does not load the program.
    pub(super) fn soon(mut self) -> NotReady {
        self.again = Again::Soon;
        self
    }

    /// Marks a look that a server has answered.
    pub(super) fn at_request_pace(mut self) -> NotReady {
        self.again = Again::AtRequestPace;
        self
    }

    /// Sets the time before which the server asks for no further request.
    pub(super) fn not_before(mut self, then: Instant) -> NotReady {
        self.again = Again::Later(then);
        self
    }

    /// Marks a look that the end of the process has cut short.
    pub(super) fn cut_short(mut self) -> NotReady {
        self.is_cut_short = true;
        self
    }

    /// Waits for the next event instead of polling, if `told`.
    pub(super) fn unless_told(mut self, told: bool) -> NotReady {
        if told {
            self.again = Again::WhenTold;
        }
        self
    }
}

/// Makes the reason for a question that the kernel did not answer.
pub(super) fn unseen(error: &io::Error) -> NotReady {
    NotReady::yet(format!("the owner of the socket can't be read: {error}"))
}

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}
