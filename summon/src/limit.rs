//! Durations as users write them.

use std::time::Duration;

use summon_syntax::duration;

/// A length of time: a [`Duration`], or a text such as `"500ms"`, `"30s"`, or `"1m 30s"`.
///
/// If a text is not a duration, the operation with that limit fails. A limit of more than 100 years
/// counts as 100 years.
///
/// ```
/// use std::time::Duration;
/// use summon::SimpleExecutor;
///
/// let one = SimpleExecutor::new("sleep 100").timeout(Duration::from_millis(500));
/// let same = SimpleExecutor::new("sleep 100").timeout("500ms");
/// # let _ = (one, same);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Limit(Result<Duration, String>);

/// The maximum: `Instant::now()` plus this duration does not overflow.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

impl Limit {
    pub(crate) const fn seconds(seconds: u64) -> Limit {
        Limit(Ok(Duration::from_secs(seconds)))
    }

    pub(crate) fn get(&self) -> Result<Duration, String> {
        self.0.clone()
    }
}

impl From<Duration> for Limit {
    fn from(duration: Duration) -> Limit {
        Limit(Ok(duration.min(LONGEST)))
    }
}

impl From<&str> for Limit {
    fn from(text: &str) -> Limit {
        Limit(duration::parse(text).map(|duration| duration.min(LONGEST)))
    }
}

impl From<String> for Limit {
    fn from(text: String) -> Limit {
        Limit::from(text.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_a_duration_or_says_why_not() {
        assert_eq!(Limit::from("500ms"), Duration::from_millis(500).into());
        assert_eq!(Limit::from("1m 30s"), Duration::from_secs(90).into());
        for text in ["", "5", "fast", "-1s"] {
            let error = Limit::from(text).get().unwrap_err();
            assert!(
                error.contains(&format!("`{text}` is not a duration")),
                "{error}"
            );
        }
    }
}
