//! Sets of numbers: one number, a range, or a list.

use std::fmt;
use std::marker::PhantomData;
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
pub type ExitCodes = Numbers<i32>;

/// The HTTP statuses that mean ready: one, a range, or a list.
///
/// ```
/// use summon::HttpCoordinatedExecutor;
///
/// let url = "http://localhost:{port}/";
/// let one = HttpCoordinatedExecutor::new("my-api", url).status(204);
/// let range = HttpCoordinatedExecutor::new("my-api", url).status(200..400);
/// let list = HttpCoordinatedExecutor::new("my-api", url).status([200, 401]);
/// # let _ = (one, range, list);
/// ```
pub type Statuses = Numbers<u16>;

/// A set of numbers, made from one number, a range, or a list: [`ExitCodes`] or
/// [`Statuses`](crate::probe::Statuses).
///
/// ```
/// use summon::Numbers;
///
/// assert_eq!(Numbers::from(200..400).to_string(), "200 to 399");
/// assert_eq!(Numbers::from([0, 130]).to_string(), "0 or 130");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Numbers<T> {
    /// None is empty. This type has room for the end of a range of any `T`.
    ranges: Vec<Range<i128>>,
    of: PhantomData<T>,
}

impl<T: Into<i64>> Numbers<T> {
    fn of(ranges: impl IntoIterator<Item = Range<i128>>) -> Numbers<T> {
        let ranges = ranges.into_iter().filter(|range| !range.is_empty());
        Numbers {
            ranges: ranges.collect(),
            of: PhantomData,
        }
    }

    pub(crate) fn allow(&self, number: T) -> bool {
        let number = wide(number);
        self.ranges.iter().any(|range| range.contains(&number))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The first number of the first range that has no number in `possible`.
    pub(crate) fn first_outside(&self, possible: Range<T>) -> Option<i128> {
        let (start, end) = (wide(possible.start), wide(possible.end));
        let is_outside = |range: &&Range<i128>| range.end <= start || range.start >= end;
        let found = self.ranges.iter().find(is_outside);
        found.map(|range| range.start)
    }
}

fn wide(number: impl Into<i64>) -> i128 {
    number.into().into()
}

fn one(number: impl Into<i64>) -> Range<i128> {
    let number = wide(number);
    number..number + 1
}

impl<T: Into<i64>> From<T> for Numbers<T> {
    fn from(number: T) -> Numbers<T> {
        Numbers::of(Some(one(number)))
    }
}

impl<T: Into<i64>> From<Range<T>> for Numbers<T> {
    fn from(range: Range<T>) -> Numbers<T> {
        Numbers::of(Some(wide(range.start)..wide(range.end)))
    }
}

impl<T: Into<i64>> From<RangeInclusive<T>> for Numbers<T> {
    fn from(range: RangeInclusive<T>) -> Numbers<T> {
        let (first, last) = range.into_inner();
        Numbers::of(Some(wide(first)..wide(last) + 1))
    }
}

impl<T: Into<i64>, const N: usize> From<[T; N]> for Numbers<T> {
    fn from(list: [T; N]) -> Numbers<T> {
        Numbers::of(list.map(one))
    }
}

impl<T> fmt::Display for Numbers<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.ranges.iter().enumerate() {
            let or = if index == 0 { "" } else { " or " };
            match range.end - 1 {
                last if last == range.start => write!(f, "{or}{last}")?,
                last => write!(f, "{or}{} to {last}", range.start)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_one_a_range_or_a_list() {
        assert!(ExitCodes::from(1).allow(1) && !ExitCodes::from(1).allow(0));
        assert!(ExitCodes::from(0..2).allow(1) && !ExitCodes::from(0..2).allow(2));
        assert!(ExitCodes::from(0..=2).allow(2));
        assert!(ExitCodes::from(0..=i32::MAX).allow(i32::MAX));
        assert!(!ExitCodes::from(i32::MIN..i32::MIN).allow(i32::MIN));
        assert!(ExitCodes::from([0, 130]).allow(130) && !ExitCodes::from([]).allow(0));
        assert!(Statuses::from(200..400).allow(399) && !Statuses::from(200..400).allow(400));
        assert!(Statuses::from(200..200).is_empty() && Statuses::from([]).is_empty());
        assert_eq!(
            Statuses::from([200, 2000]).first_outside(100..600),
            Some(2000)
        );
        assert_eq!(Statuses::from(0..1000).first_outside(100..600), None);
        assert_eq!(Statuses::from([200, 401]).to_string(), "200 or 401");
        assert_eq!(Statuses::from(200..=299).to_string(), "200 to 299");
    }
}
