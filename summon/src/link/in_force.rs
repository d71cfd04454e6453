//! The faults in force on a link, in the order in which they came.
//!
//! Closures of several threads may end in any order, and `heal` may come in the middle. So the end of a
//! closure removes the closure's own fault from the list, and never restores a former state.

use super::fault::Fault;
use crate::guard::Faults;

#[derive(Clone, Debug, Default)]
pub(super) struct InForce {
    faults: Vec<Numbered>,
    /// The number of faults so far.
    count: u64,
}

#[derive(Clone, Debug)]
struct Numbered {
    number: u64,
    fault: Fault,
    /// Whether only `heal` ends it.
    lasts: bool,
}

impl InForce {
    /// Adds a fault until `heal`.
    pub(super) fn add(&mut self, fault: &Fault) {
        // The new fault hides these for good. A test may change a delay a million times.
        self.faults
            .retain(|it| !it.lasts || !fault.hides(&it.fault));
        self.push(fault, true);
    }

    /// Adds a fault until its end. Returns its number.
    pub(super) fn begin(&mut self, fault: &Fault) -> u64 {
        self.push(fault, false);
        self.count
    }

    fn push(&mut self, fault: &Fault, lasts: bool) {
        self.count += 1;
        self.faults.push(Numbered {
            number: self.count,
            fault: fault.clone(),
            lasts,
        });
    }

    /// Ends the fault with this number. Returns whether it was still in force.
    pub(super) fn end(&mut self, number: u64) -> bool {
        let place = self.faults.iter().position(|it| it.number == number);
        place.map(|place| self.faults.remove(place)).is_some()
    }

    /// Ends all faults.
    pub(super) fn heal(&mut self) {
        self.faults.clear();
    }

    /// Returns all faults together. A later one hides an earlier one of its kind.
    pub(super) fn all(&self) -> Faults {
        let mut all = Faults::default();
        for it in &self.faults {
            it.fault.put(&mut all, it.number);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::link::fault::Way;

    fn delay(seconds: u64) -> Fault {
        Fault::Delay(Way::ToClient, Duration::from_secs(seconds), Duration::ZERO)
    }

    #[test]
    fn the_end_of_a_fault_leaves_the_others() {
        let mut faults = InForce::default();
        faults.add(&delay(1));
        let all = [
            Fault::Cut,
            Fault::Blackhole,
            Fault::Silence(None),
            Fault::Silence(Some(Way::ToServer)),
            delay(2),
            Fault::Limit(None, 7),
            Fault::CloseAfter(Way::ToClient, 8),
        ];
        for fault in all {
            let before = faults.all();
            let number = faults.begin(&fault);
            assert_ne!(faults.all(), before, "{fault}");
            // Another one in the meantime, which ends later.
            let other = faults.begin(&Fault::CloseAfter(Way::ToServer, 9));
            assert!(faults.end(number));
            assert!(faults.all().to_server.close.is_some(), "{fault}");
            assert!(faults.end(other));
            assert_eq!(faults.all(), before, "{fault}");
        }
    }

    #[test]
    fn a_fault_that_was_healed_does_not_end_again() {
        let mut faults = InForce::default();
        let number = faults.begin(&Fault::Cut);
        faults.heal();
        faults.add(&Fault::Cut);
        assert!(!faults.end(number));
        assert!(faults.all().cut);
    }

    #[test]
    fn faults_that_a_lasting_one_hides_are_forgotten() {
        let mut faults = InForce::default();
        let closure = faults.begin(&delay(3));
        for seconds in 4..1000 {
            faults.add(&delay(seconds));
            faults.add(&Fault::Limit(Some(Way::ToServer), seconds));
        }
        faults.add(&Fault::Limit(None, 7));
        assert_eq!(faults.faults.len(), 3);
        assert!(faults.end(closure));
        assert_eq!(faults.all().to_client.delay, Duration::from_secs(999));
    }
}
