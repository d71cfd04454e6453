//! The numbers of the databases on a server, which their names end with.

use std::collections::VecDeque;

use super::rows::Rows;

#[derive(Debug, Default, PartialEq)]
pub(super) struct Numbers {
    /// The highest number so far. An earlier run of the server may have left databases.
    pub(super) last: u64,
    /// The highest number that the server allows.
    pub(super) most: u64,
    /// The numbers of emptied databases, the oldest first.
    pub(super) again: VecDeque<u64>,
}

impl Numbers {
    /// Reads the highest number of a server that allows any.
    pub(super) fn after(answers: &[Rows]) -> Numbers {
        let last = || answers.first()?.first()?.first()?.as_deref()?.parse().ok();
        Numbers {
            last: last().unwrap_or(0),
            most: u64::MAX,
            again: VecDeque::new(),
        }
    }

    /// Takes a number that no database has.
    pub(super) fn next(&mut self) -> Option<u64> {
        if self.last < self.most {
            self.last += 1;
            return Some(self.last);
        }
        self.again.pop_front()
    }

    /// Returns how many numbers there are left.
    pub(super) fn left(&self) -> usize {
        let unused = usize::try_from(self.most.saturating_sub(self.last)).unwrap_or(usize::MAX);
        unused.saturating_add(self.again.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_used_again_when_all_were_used() {
        let mut numbers = Numbers {
            last: 3,
            most: 5,
            again: [2, 1].into(),
        };
        assert_eq!(numbers.left(), 4);
        let all: Vec<_> = std::iter::from_fn(|| numbers.next()).collect();
        assert_eq!(all, [4, 5, 2, 1]);
        assert_eq!(numbers.left(), 0);
    }
}
