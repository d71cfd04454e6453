//! Whether a test whose program is not there is skipped.

use std::ffi::{OsStr, OsString};
use std::sync::Once;

use crate::progress;

/// The outcome of a test whose program is not there: the value of
/// [`Coordinated::missing`](crate::Coordinated::missing).
///
/// ```
/// use summon::{Missing, servers::Redis, summon};
///
/// #[summon(executor = Redis::new(), missing = "skip")]
/// #[test]
/// fn remembers(redis: &Redis) {
///     println!("connect to {}", redis.url("/0"));
/// }
///
/// // The same in code.
/// let redis = Redis::new().missing(Missing::Skip);
/// # fn main() {}
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Missing {
    /// The test fails with the report of the start.
    Fail,
    /// The test prints `SKIPPED` with the reason, and passes.
    Skip,
}

impl Missing {
    /// Returns whether a test with this option is skipped.
    pub(crate) fn skips(option: Option<Missing>) -> bool {
        static SAID: Once = Once::new();
        let wrong = std::env::var_os(NAME).and_then(|value| mistake(&value));
        if let Some(wrong) = wrong {
            SAID.call_once(|| progress::say(&wrong));
        }
        skips(option, |name| std::env::var_os(name))
    }
}

const NAME: &str = "SUMMON_MISSING";

/// Returns what is wrong with a value of the variable.
fn mistake(value: &OsStr) -> Option<String> {
    let is_known = ["", "skip", "fail"].iter().any(|known| value == *known);
    (!is_known).then(|| {
        let value = value.to_string_lossy();
        format!("`{NAME}={value}` has no effect: the value is `skip`, or `fail` as without it")
    })
}

fn skips(option: Option<Missing>, variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let flag = |name: &str| set(name).map(|value| value != "0" && value != "false");
    // `SUMMON_REQUIRE=0` lets a CI job skip tests.
    if flag("SUMMON_REQUIRE").or_else(|| flag("CI")) == Some(true) {
        return false;
    }
    match option {
        Some(option) => option == Missing::Skip,
        None => set(NAME).is_some_and(|value| value == "skip"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_without_effect_is_told() {
        for known in ["", "skip", "fail"] {
            assert_eq!(mistake(OsStr::new(known)), None);
        }
        let told = mistake(OsStr::new("Skip")).unwrap();
        assert!(
            told.starts_with("`SUMMON_MISSING=Skip` has no effect"),
            "{told}"
        );
    }

    #[test]
    fn a_test_is_skipped_if_it_may_be_and_nothing_requires_it() {
        let with = |option, variables: &[(&str, &str)]| {
            skips(option, |name| {
                let found = variables.iter().find(|(it, _)| *it == name);
                found.map(|(_, value)| OsString::from(*value))
            })
        };
        let (skip, fail) = (Some(Missing::Skip), Some(Missing::Fail));
        assert!(!with(None, &[]) && with(skip, &[]) && !with(fail, &[]));
        let everywhere = ("SUMMON_MISSING", "skip");
        assert!(with(None, &[everywhere]) && !with(fail, &[everywhere]));
        assert!(!with(None, &[("SUMMON_MISSING", "fail")]));
        for required in ["1", "true", "yes"] {
            assert!(!with(skip, &[everywhere, ("CI", required)]), "{required}");
            assert!(!with(skip, &[("SUMMON_REQUIRE", required)]), "{required}");
        }
        for not_required in ["", "0", "false"] {
            assert!(with(skip, &[("CI", not_required)]), "{not_required}");
            assert!(with(skip, &[("SUMMON_REQUIRE", not_required)]));
        }
        // The variable of summon wins over the one of the CI.
        assert!(with(skip, &[("CI", "true"), ("SUMMON_REQUIRE", "0")]));
        assert!(!with(skip, &[("CI", "false"), ("SUMMON_REQUIRE", "1")]));
    }
}
