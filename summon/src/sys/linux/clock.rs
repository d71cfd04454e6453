//! The clocks of other processes.

use std::mem::MaybeUninit;
use std::time::Duration;

/// Returns the processor time of a process (`clock_getcpuclockid(3)`). It counts nanoseconds and all
/// threads, and costs one system call. `/proc` has clock ticks, or the time of one thread.
#[expect(unsafe_code, reason = "rustix has only the clocks of this process")]
pub(super) fn of_process(pid: u32) -> Option<Duration> {
    let pid = pid.try_into().ok()?;
    let mut clock: libc::clockid_t = 0;
    // SAFETY: the place is valid, and the function takes any number as a pid.
    let found = unsafe { libc::clock_getcpuclockid(pid, &raw mut clock) };
    if found != 0 {
        return None;
    }
    let mut time = MaybeUninit::uninit();
    // SAFETY: the kernel checks the clock, and the place has the type that it writes.
    let read = unsafe { libc::clock_gettime(clock, time.as_mut_ptr()) };
    if read != 0 {
        return None;
    }
    // SAFETY: the time was written, since the function has succeeded.
    let time: libc::timespec = unsafe { time.assume_init() };
    Some(Duration::new(
        time.tv_sec.try_into().ok()?,
        time.tv_nsec.try_into().ok()?,
    ))
}
