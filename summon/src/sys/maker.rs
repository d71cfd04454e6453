//! Which process has made a value.
//!
//! A child that a test forks without `exec` has a copy of every value, and drops it when it unwinds
//! or exits. It must not stop or remove anything: only the maker does.

use std::convert::Infallible;
#[cfg(unix)]
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use once_cell::race::OnceBox;

/// A process, as opposed to all processes that were forked from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Maker {
    pid: u32,
    /// The pid alone is not enough: the maker may end, and its child may fork a process that gets
    /// the same pid.
    forks: u32,
}

/// The number of forks between the process that began to count and this one.
static FORKS: AtomicU32 = AtomicU32::new(0);

impl Maker {
    /// Returns this process.
    pub(crate) fn here() -> Maker {
        count_forks();
        Maker {
            pid: std::process::id(),
            forks: FORKS.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn is_here(self) -> bool {
        self == Maker::here()
    }
}

/// A value for each process. A forked child has a copy of its parent's value, and gets another one:
/// a thread of the parent may hold a lock in the copy, and no thread of the child would release it.
/// For the same reason, making a value takes no lock: if several threads make one, the first wins.
#[derive(Debug)]
pub(crate) struct PerProcess<T>(OnceBox<Value<T>>);

#[derive(Debug)]
struct Value<T> {
    maker: Maker,
    value: T,
    /// The value of a child, in the child.
    next: OnceBox<Value<T>>,
}

impl<T> PerProcess<T> {
    pub(crate) const fn new() -> PerProcess<T> {
        PerProcess(OnceBox::new())
    }

    /// Returns the value of this process. Makes it if there is none. If that fails, the next call
    /// tries again.
    pub(crate) fn get_or_try_init<E>(&self, make: impl Fn() -> Result<T, E>) -> Result<&T, E> {
        let maker = Maker::here();
        let make = || {
            Ok(Box::new(Value {
                maker,
                value: make()?,
                next: OnceBox::new(),
            }))
        };
        // The copy is left as it is. A child of a child finds two strange values, and appends its
        // own.
        let mut value = self.0.get_or_try_init(make)?;
        while value.maker != maker {
            value = value.next.get_or_try_init(make)?;
        }
        Ok(&value.value)
    }
}

impl<T: Default> PerProcess<T> {
    /// Returns the value of this process.
    pub(crate) fn here(&self) -> &T {
        let Ok(value) = self.get_or_try_init(|| Ok::<_, Infallible>(T::default()));
        value
    }
}

#[cfg(unix)]
fn count_forks() {
    static COUNTS: Once = Once::new();
    extern "C" fn forked() {
        FORKS.fetch_add(1, Ordering::Relaxed);
    }
    COUNTS.call_once(|| {
        // SAFETY: the handler lives as long as the program. In the child of a process with threads
        // it may do an atomic addition.
        // If the registration fails, the pid alone tells the processes apart, except for a reused
        // one.
        unsafe { libc::pthread_atfork(None, None, Some(forked)) };
    });
}

#[cfg(windows)]
fn count_forks() {}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_could_not_be_made_is_made_later() {
        let value = PerProcess::new();
        assert_eq!(value.get_or_try_init(|| Err("not now")), Err("not now"));
        assert_eq!(value.get_or_try_init(|| Ok::<_, &str>(1)), Ok(&1));
        assert_eq!(value.get_or_try_init(|| Err("made already")), Ok(&1));
    }

    #[test]
    fn a_forked_child_is_not_the_maker() {
        static KEPT: PerProcess<std::sync::Mutex<()>> = PerProcess::new();
        let maker = Maker::here();
        assert!(maker.is_here());
        // The child must not wait for this lock.
        let _kept = KEPT.here().lock().unwrap();
        // SAFETY: the child only tries a lock, and ends by `_exit`.
        match unsafe { libc::fork() } {
            0 => {
                let is_copy = KEPT.here().try_lock().is_err();
                let code = (maker.is_here() || is_copy).into();
                // SAFETY: `_exit` takes any number and does not return.
                unsafe { libc::_exit(code) }
            }
            child => {
                let mut status = -1;
                // SAFETY: `status` is a valid place.
                assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
                assert_eq!(status, 0);
            }
        }
        let other = Maker {
            forks: maker.forks + 1,
            ..maker
        };
        assert!(!other.is_here());
    }
}
