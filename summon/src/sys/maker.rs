//! Which process has made something.
//!
//! A child that a test forks without `exec` has a copy of everything, and drops it when it unwinds or
//! exits. The copy is not its to stop or to remove: only the process that made a thing does that.

#[cfg(unix)]
use std::sync::Once;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// A process, told from all that were forked from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Maker {
    pid: u32,
    /// The pid alone would do if none were ever given twice: the maker may have ended, and its child
    /// may fork one that gets its pid.
    forks: u32,
}

/// How many forks lie between this process and the one that began to count.
static FORKS: AtomicU32 = AtomicU32::new(0);

impl Maker {
    /// This process.
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

/// A value of each process. A forked child has a copy of its parent's and gets another one: a lock in
/// the copy may be held by a thread of the parent, which is not there to release it.
#[derive(Debug)]
pub(crate) struct PerProcess<T>(OnceLock<Box<Value<T>>>);

#[derive(Debug)]
struct Value<T> {
    maker: Maker,
    value: T,
    /// That of a child, in the child.
    next: OnceLock<Box<Value<T>>>,
}

impl<T: Default> PerProcess<T> {
    pub(crate) const fn new() -> PerProcess<T> {
        PerProcess(OnceLock::new())
    }

    /// The value of this process.
    pub(crate) fn here(&self) -> &T {
        let maker = Maker::here();
        let make = || {
            Box::new(Value {
                maker,
                value: T::default(),
                next: OnceLock::new(),
            })
        };
        let mut value = self.0.get_or_init(make);
        while value.maker != maker {
            value = value.next.get_or_init(make);
        }
        &value.value
    }
}

#[cfg(unix)]
fn count_forks() {
    static COUNTS: Once = Once::new();
    extern "C" fn forked() {
        FORKS.fetch_add(1, Ordering::Relaxed);
    }
    COUNTS.call_once(|| {
        // SAFETY: the handler lives as long as the program, and an atomic addition may be done in the
        // child of a process with threads. Were it refused, the pid would still tell.
        unsafe { libc::pthread_atfork(None, None, Some(forked)) };
    });
}

#[cfg(windows)]
fn count_forks() {}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_forked_child_is_not_the_maker() {
        static KEPT: PerProcess<std::sync::Mutex<()>> = PerProcess::new();
        let maker = Maker::here();
        assert!(maker.is_here());
        // The child must not wait for this one.
        let _kept = KEPT.here().lock().unwrap();
        // SAFETY: the child asks for its pid and ends.
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
