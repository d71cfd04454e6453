//! What can be started until it is ready, and stopped until it is gone.

mod coordinated;
mod kinds;
mod options;

pub use coordinated::Coordinated;
pub use kinds::{
    HttpCoordinatedExecutor, OutputCoordinatedExecutor, SimpleExecutor, TcpCoordinatedExecutor,
};

use std::sync::Arc;

use crate::error::Error;
use crate::process::Process;

/// Something with `start`, which blocks until ready, and `stop`, which blocks until gone.
///
/// Whoever needs another kind of executor writes a type that takes its arguments in its
/// constructor and has these two methods. If it wraps another executor it forwards `process`, so
/// that the name, the placeholders and the log come along:
///
/// ```
/// use summon::{Error, Executor, Process, SimpleExecutor, orchestrated};
///
/// struct Seeded {
///     server: SimpleExecutor,
///     rows: usize,
/// }
///
/// impl Seeded {
///     fn new(rows: usize) -> Seeded {
///         Seeded { server: SimpleExecutor::new("sleep 100").named("db"), rows }
///     }
/// }
///
/// impl Executor for Seeded {
///     fn start(&self) -> Result<(), Error> {
///         self.server.start()?;
///         println!("putting {} rows into {}", self.rows, self.server.name());
///         Ok(())
///     }
///
///     fn stop(&self) -> Result<(), Error> {
///         self.server.stop()
///     }
///
///     fn process(&self) -> Option<&Process> {
///         Some(&self.server)
///     }
/// }
///
/// let api = SimpleExecutor::new("echo uses {db.port}");
/// let scope = orchestrated((Seeded::new(3), &api))?;
/// # drop(scope);
/// # Ok::<(), Error>(())
/// ```
pub trait Executor: Send + Sync {
    /// Starts, and returns when ready.
    ///
    /// ```
    /// use summon::{Executor, SimpleExecutor};
    ///
    /// let executor: Box<dyn Executor> = Box::new(SimpleExecutor::new("sleep 100"));
    /// executor.start()?;
    /// assert!(executor.process().is_some_and(|process| process.is_running()));
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If it did not become ready. Then nothing of it is left.
    fn start(&self) -> Result<(), Error>;

    /// Stops, and returns when nothing is left. Stopping what does not run is fine.
    ///
    /// ```
    /// use summon::{Executor, SimpleExecutor};
    ///
    /// let executor: Box<dyn Executor> = Box::new(SimpleExecutor::new("sleep 100"));
    /// executor.start()?;
    /// executor.stop()?;
    /// executor.stop()?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If something may be left.
    fn stop(&self) -> Result<(), Error>;

    /// The process behind it, if there is one. An executor without a process is a barrier in an
    /// orchestrated set: it starts after all before it, and before all after it. Default: none.
    ///
    /// ```
    /// use summon::{Error, Executor, SimpleExecutor};
    ///
    /// struct Migration;
    ///
    /// impl Executor for Migration {
    ///     fn start(&self) -> Result<(), Error> {
    ///         Ok(())
    ///     }
    ///
    ///     fn stop(&self) -> Result<(), Error> {
    ///         Ok(())
    ///     }
    /// }
    ///
    /// assert!(Migration.process().is_none());
    /// let sleeper = SimpleExecutor::new("sleep 100");
    /// assert_eq!(sleeper.process().map(|process| process.name()), Some("sleep"));
    /// ```
    fn process(&self) -> Option<&Process> {
        None
    }

    /// The name in the set, for one that others use too: it is not made a member of the set, but
    /// the set may name it.
    #[doc(hidden)]
    fn shared_as(&self) -> Option<&str> {
        None
    }

    /// How long its log was when this use of it began, for one that others use too.
    #[doc(hidden)]
    fn used_since(&self) -> u64 {
        0
    }

    /// What an orchestrator is made of, so that a set sees its members.
    #[doc(hidden)]
    fn members(&self) -> Option<Vec<&dyn Executor>> {
        None
    }
}

macro_rules! forward {
    ($($wrapper:ty),*) => {$(
        impl<E: Executor + ?Sized> Executor for $wrapper {
            fn start(&self) -> Result<(), Error> {
                (**self).start()
            }

            fn stop(&self) -> Result<(), Error> {
                (**self).stop()
            }

            fn process(&self) -> Option<&Process> {
                (**self).process()
            }

            fn shared_as(&self) -> Option<&str> {
                (**self).shared_as()
            }

            fn used_since(&self) -> u64 {
                (**self).used_since()
            }

            fn members(&self) -> Option<Vec<&dyn Executor>> {
                (**self).members()
            }
        }
    )*};
}

forward!(&E, Box<E>, Arc<E>);

impl Executor for Process {
    fn start(&self) -> Result<(), Error> {
        Process::start(self)
    }

    fn stop(&self) -> Result<(), Error> {
        Process::stop(self)
    }

    fn process(&self) -> Option<&Process> {
        Some(self)
    }
}
