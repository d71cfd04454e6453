//! The pauses between the looks of a wait.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The first pause between two looks, and the limit of pauses at the beginning of a wait.
const FIRST_PAUSE: Duration = Duration::from_micros(20);
const SHORT_PAUSE: Duration = Duration::from_micros(500);
/// Up to that limit, a pause lasts one part in `EARLY_PACE` of the time already waited. Many programs
/// need less than a millisecond.
const EARLY_PACE: u32 = 4;
/// A pause lasts one part in `PACE` of the time already waited. summon then notices readiness late
/// by that part at most, and a long wait costs little.
pub(super) const PACE: u32 = 200;
/// The pace of looks that do not load the program.
pub(super) const SOON_PACE: u32 = 250;
/// With more than this number of waits in the test process, each wait takes longer pauses, so that
/// their total cost stays the same.
const SIDE_BY_SIDE: u32 = 8;
/// The longest pause, even where the system reports changes: some file systems report none.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// The number of waits in the test process.
static WAITS: AtomicU32 = AtomicU32::new(0);

/// A wait, which counts while this value lives.
pub(super) struct Waiting;

impl Waiting {
    pub(super) fn begin() -> Waiting {
        WAITS.fetch_add(1, Ordering::Relaxed);
        Waiting
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        WAITS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Returns the pause of a single wait that has polled for this time.
pub(super) fn pause_after(waited: Duration, pace: u32) -> Duration {
    let pause = (waited / EARLY_PACE).clamp(FIRST_PAUSE, SHORT_PAUSE);
    pause.max(waited / pace).min(LONGEST_PAUSE)
}

/// Returns the factor of pauses, so that many waits cost what a few cost.
pub(super) fn side_by_side() -> u32 {
    WAITS.load(Ordering::Relaxed).div_ceil(SIDE_BY_SIDE).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_is_noticed_soon_after_a_short_boot_too() {
        for micros in [100, 300, 500, 1_000, 2_000, 10_000, 100_000, 1_000_000] {
            let waited = Duration::from_micros(micros);
            let pause = pause_after(waited, PACE);
            assert!(pause <= waited / 4, "{pause:?} after {waited:?}");
            let cost = Duration::from_micros(10);
            assert!(pause >= cost * 2, "{pause:?} after {waited:?}");
        }
        assert_eq!(pause_after(Duration::from_secs(3600), PACE), LONGEST_PAUSE);
    }
}
