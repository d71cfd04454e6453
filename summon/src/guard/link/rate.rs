//! The bandwidth of one direction of a link, which all its connections share.

use std::time::{Duration, Instant};

/// A sender that wakes late may use this much of the time before.
const CATCH_UP: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(super) struct Rate {
    per_second: u64,
    /// The time when all bytes so far have passed.
    free_at: Instant,
}

impl Rate {
    pub(super) fn new(per_second: u64, now: Instant) -> Rate {
        Rate {
            per_second: per_second.max(1),
            free_at: now,
        }
    }

    pub(super) fn per_second(&self) -> u64 {
        self.per_second
    }

    /// Returns how many bytes may be sent now, or else when some may.
    pub(super) fn grant(&self, now: Instant) -> Result<usize, Instant> {
        match self.free_at > now {
            true => Err(self.free_at),
            // In small pieces, so that connections take turns.
            false => Ok((self.per_second / 100).clamp(1, 64 * 1024) as usize),
        }
    }

    /// Notes that so many bytes were sent.
    pub(super) fn spend(&mut self, bytes: usize, now: Instant) {
        let begin = now.checked_sub(CATCH_UP).unwrap_or(now).max(self.free_at);
        self.free_at = begin + Duration::from_secs_f64(bytes as f64 / self.per_second as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_that_wakes_late_reaches_the_rate_and_never_exceeds_it() {
        for per_second in [7, 1000, 1_000_000, 10_000_000_000] {
            let begin = Instant::now();
            let mut rate = Rate::new(per_second, begin);
            let (mut now, mut sent) = (begin, 0);
            while now < begin + Duration::from_secs(10) {
                match rate.grant(now) {
                    Ok(bytes) => {
                        rate.spend(bytes, now);
                        sent += bytes as u64;
                    }
                    // 3 ms too late, always.
                    Err(at) => now = at + Duration::from_millis(3),
                }
            }
            let expected = 10 * per_second;
            // The time to catch up, and one piece.
            let over = expected / 500 + per_second / 100 + 2;
            assert!(
                sent > expected * 9 / 10 && sent <= expected + over,
                "{per_second}: {sent}"
            );
        }
    }
}
