//! The HTTP statuses that mean ready.

use std::fmt;
use std::ops::{Range, RangeInclusive};

/// The HTTP statuses that mean ready: one, a range, or a list. Default: 200 to 299.
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
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Statuses(pub(super) Vec<RangeInclusive<u16>>);

impl Statuses {
    pub(super) fn allow(&self, status: u16) -> bool {
        self.0.iter().any(|range| range.contains(&status))
    }
}

impl Default for Statuses {
    fn default() -> Statuses {
        Statuses(vec![200..=299])
    }
}

impl From<u16> for Statuses {
    fn from(status: u16) -> Statuses {
        Statuses(vec![status..=status])
    }
}

impl From<RangeInclusive<u16>> for Statuses {
    fn from(range: RangeInclusive<u16>) -> Statuses {
        Statuses(if range.is_empty() {
            vec![]
        } else {
            vec![range]
        })
    }
}

impl From<Range<u16>> for Statuses {
    fn from(range: Range<u16>) -> Statuses {
        match range.end.checked_sub(1) {
            Some(last) => Statuses::from(range.start..=last),
            None => Statuses(vec![]),
        }
    }
}

impl<const N: usize> From<[u16; N]> for Statuses {
    fn from(list: [u16; N]) -> Statuses {
        Statuses(list.into_iter().map(|status| status..=status).collect())
    }
}

impl fmt::Display for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" or ")?;
            }
            if range.start() == range.end() {
                write!(f, "{}", range.start())?;
            } else {
                write!(f, "{} to {}", range.start(), range.end())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_one_a_range_or_a_list() {
        assert!(Statuses::default().allow(204) && !Statuses::default().allow(302));
        assert!(Statuses::from(200..400).allow(399) && !Statuses::from(200..400).allow(400));
        assert_eq!(Statuses::from([200, 401]).to_string(), "200 or 401");
        assert_eq!(Statuses::from(200..=299).to_string(), "200 to 299");
    }
}
