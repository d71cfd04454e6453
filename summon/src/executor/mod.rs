//! The executors: they start until ready, and stop until gone.

mod coordinated;
mod flavours;
mod options;
mod settled;
pub(crate) mod setup;

pub use coordinated::Coordinated;
pub use flavours::{
    HttpCoordinatedExecutor, OutputCoordinatedExecutor, SimpleExecutor, TcpCoordinatedExecutor,
};

pub(crate) use settled::Settled;

use std::net::SocketAddr;
use std::sync::Arc;

use crate::error::Error;
use crate::process::Process;

/// A type with `start`, which blocks until ready, and `stop`, which blocks until gone.
///
/// To add an executor, write a type that takes its arguments in a constructor, and implement these
/// two methods. If it wraps another executor, forward `process`: this keeps the name, the
/// placeholders, and the log.
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
    /// Starts the executor, and returns when it is ready.
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
    /// If it did not become ready. The executor has then stopped everything that it started.
    fn start(&self) -> Result<(), Error>;

    /// Stops the executor, and returns when all its processes have ended. If it does not run, this
    /// is no error.
    ///
    /// An orchestrator also calls this while another thread is in `start`, if another executor has
    /// failed. The start should then return an error soon: the orchestrator waits for it.
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
    /// If a process may still run.
    fn stop(&self) -> Result<(), Error>;

    /// Returns the process of the executor. An executor without a process is a barrier in an
    /// orchestrated set: it starts after all executors before it, and before all executors after
    /// it. Default: none.
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

    /// Called instead of `start` on the executor of a fixture, in a test process that uses the
    /// fixture and has not started it. [`process`](Executor::process) is the running process by
    /// then. Override it if `start` makes something that each test process needs, such as a client.
    /// Default: does nothing.
    ///
    /// ```
    /// use std::sync::OnceLock;
    /// use summon::{Error, Executor, Process, SimpleExecutor};
    ///
    /// struct Api {
    ///     server: SimpleExecutor,
    ///     url: OnceLock<String>,
    /// }
    ///
    /// impl Executor for Api {
    ///     fn start(&self) -> Result<(), Error> {
    ///         self.server.start()?;
    ///         self.joined();
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
    ///
    ///     fn joined(&self) {
    ///         self.url.get_or_init(|| self.server.url("/"));
    ///     }
    /// }
    ///
    /// let api = Api { server: SimpleExecutor::new("sleep 100"), url: OnceLock::new() };
    /// api.start()?;
    /// assert!(api.url.get().is_some());
    /// # Ok::<(), Error>(())
    /// ```
    fn joined(&self) {}

    /// Returns all processes, for an executor with several. An executor without any is a barrier.
    #[doc(hidden)]
    fn processes(&self) -> Vec<&Process> {
        self.process().into_iter().collect()
    }

    /// Returns the name in the set, for a shared executor. Such an executor is no member of the
    /// set, but the set may refer to its name.
    #[doc(hidden)]
    fn shared_as(&self) -> Option<&str> {
        None
    }

    /// Returns the length of the log at the start of this use, for a shared executor.
    #[doc(hidden)]
    fn used_since(&self) -> u64 {
        0
    }

    /// Returns the URL of a database that has started, which `{db.url}` in the set is.
    #[doc(hidden)]
    fn database_url(&self) -> Option<String> {
        None
    }

    /// Returns the address that other processes of the set use, for a link that has started.
    #[doc(hidden)]
    fn link_addr(&self) -> Option<SocketAddr> {
        None
    }

    /// Returns the error by which `stop` will fail, as far as it is known now.
    #[doc(hidden)]
    fn pending(&self) -> Option<Error> {
        self.processes().into_iter().find_map(Process::pending)
    }

    /// Notes that the test has failed. Returns facts for its report, each with a label.
    #[doc(hidden)]
    fn note_failure(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Returns whether another member of the same test reports on the process after a failure.
    #[doc(hidden)]
    fn is_reported_elsewhere(&self) -> bool {
        false
    }

    /// Returns what this scope lets the outer scope of the same test know, if there is one.
    #[doc(hidden)]
    fn outer(&self) -> Option<&Settled> {
        None
    }

    /// Returns what the inner scope of the same test lets this one know, if there is one.
    #[doc(hidden)]
    fn inner(&self) -> Option<&Settled> {
        None
    }

    /// Returns the members of an orchestrator, so that a set includes them.
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

            fn joined(&self) {
                (**self).joined();
            }

            fn shared_as(&self) -> Option<&str> {
                (**self).shared_as()
            }

            fn processes(&self) -> Vec<&Process> {
                (**self).processes()
            }

            fn used_since(&self) -> u64 {
                (**self).used_since()
            }

            fn database_url(&self) -> Option<String> {
                (**self).database_url()
            }

            fn link_addr(&self) -> Option<SocketAddr> {
                (**self).link_addr()
            }

            fn pending(&self) -> Option<Error> {
                (**self).pending()
            }

            fn note_failure(&self) -> Vec<(&'static str, String)> {
                (**self).note_failure()
            }

            fn is_reported_elsewhere(&self) -> bool {
                (**self).is_reported_elsewhere()
            }

            fn outer(&self) -> Option<&Settled> {
                (**self).outer()
            }

            fn inner(&self) -> Option<&Settled> {
                (**self).inner()
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
