//! Exit codes that count as success.

use std::ops::{Range, RangeInclusive};

/// The exit codes that count as success when summon stops a process: one code, a range, or a list.
///
/// ```
/// use summon::SimpleExecutor;
///
/// let one = SimpleExecutor::new("my-api").expect_exit(1);
/// let range = SimpleExecutor::new("my-api").expect_exit(0..3);
/// let list = SimpleExecutor::new("my-api").expect_exit([0, 130]);
/// # let _ = (one, range, list);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ExitCodes(Vec<RangeInclusive<i32>>);

impl ExitCodes {
    pub(crate) fn allow(&self, code: i32) -> bool {
        self.0.iter().any(|range| range.contains(&code))
    }
}

impl From<i32> for ExitCodes {
    fn from(code: i32) -> ExitCodes {
        ExitCodes(vec![code..=code])
    }
}

impl From<Range<i32>> for ExitCodes {
    fn from(range: Range<i32>) -> ExitCodes {
        let last = range.end.checked_sub(1);
        ExitCodes(last.map(|last| range.start..=last).into_iter().collect())
    }
}

impl From<RangeInclusive<i32>> for ExitCodes {
    fn from(range: RangeInclusive<i32>) -> ExitCodes {
        ExitCodes(vec![range])
    }
}

impl<const N: usize> From<[i32; N]> for ExitCodes {
    fn from(codes: [i32; N]) -> ExitCodes {
        ExitCodes(codes.into_iter().map(|code| code..=code).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_one_a_range_or_a_list() {
        assert!(ExitCodes::from(1).allow(1) && !ExitCodes::from(1).allow(0));
        assert!(ExitCodes::from(0..2).allow(1) && !ExitCodes::from(0..2).allow(2));
        assert!(ExitCodes::from(0..=2).allow(2));
        assert!(!ExitCodes::from(i32::MIN..i32::MIN).allow(i32::MIN));
        assert!(ExitCodes::from([0, 130]).allow(130) && !ExitCodes::from([]).allow(0));
    }
}
