//! The thread that asks.

/// Where its `errno` is.
pub(crate) use libc::__errno_location as errno_place;

/// Its number, also when its thread-locals are gone, as in an exit hook.
pub(crate) fn this_thread() -> u64 {
    rustix::thread::gettid().as_raw_nonzero().get() as u64
}

/// The signals that tell it of a fault of its own and must not be ignored: none, since the kernel ends
/// whoever has a fault and ignores it, and so a stranger's signal does no harm (`signal(7)`).
pub(crate) const FAULTS: &[i32] = &[];
