//! The histories of links that have ended before their test.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::history::Changes;
use crate::panicked::Failure;
use crate::trace::TestId;

/// How many histories a server keeps.
const MOST: usize = 64;

/// The histories of the ended links to one server, each with its test.
#[derive(Debug, Default)]
pub(crate) struct Ended(Mutex<VecDeque<(TestId, Changes)>>);

impl Ended {
    fn lock(&self) -> MutexGuard<'_, VecDeque<(TestId, Changes)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn keep(&self, test: TestId, changes: Changes) {
        let mut ended = self.lock();
        ended.push_back((test, changes));
        if ended.len() > MOST {
            ended.pop_front();
        }
    }

    /// Returns the histories of this test's links, for its report.
    pub(crate) fn reports(&self, test: &TestId, failed: &Failure) -> Vec<String> {
        let ended = self.lock();
        let of_test = ended.iter().filter(|(it, _)| it == test);
        of_test.filter_map(|(_, it)| it.report(failed)).collect()
    }

    /// Forgets the histories of a test that ends.
    pub(crate) fn forget(&self, test: &TestId) {
        self.lock().retain(|(it, _)| it != test);
    }
}
