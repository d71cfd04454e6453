//! `SUMMON_HOLD`: which tests to hold, and for how long.

use std::sync::OnceLock;
use std::time::Duration;

use summon_syntax::duration;

use crate::error::Error;

const NAME: &str = "SUMMON_HOLD";
/// How long `SUMMON_HOLD=always` holds.
const DEFAULT: Duration = Duration::from_secs(10 * 60);
/// The longest hold. A guard adds it to a point in time.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    /// Whether tests that pass are held, too.
    pub(super) always: bool,
    pub(super) limit: Duration,
}

impl Setting {
    /// Returns the setting of this process, or an error that says how to write it.
    pub(crate) fn get() -> Result<Option<Setting>, Error> {
        static READ: OnceLock<Result<Option<Setting>, Error>> = OnceLock::new();
        READ.get_or_init(Setting::read).clone()
    }

    fn read() -> Result<Option<Setting>, Error> {
        let Some(value) = std::env::var_os(NAME) else {
            return Ok(None);
        };
        let text = value.to_string_lossy();
        Setting::parse(&text).map_err(|why| {
            let hint = format!(
                "write `{NAME}=10m` to hold tests that fail, or `{NAME}=always,10m` to hold all tests"
            );
            Error::new(format!("`{NAME}={text}` can't be read: {why}")).fact("hint", hint)
        })
    }

    fn parse(text: &str) -> Result<Option<Setting>, String> {
        let (mut always, mut limit) = (false, None);
        if text.trim().is_empty() {
            return Ok(None);
        }
        for part in text.split(',').map(str::trim) {
            match part {
                "" => return Err("a part before or after a comma is empty".to_owned()),
                "always" if !always => always = true,
                part if limit.is_none() => limit = Some(duration::parse(part)?),
                part => return Err(format!("`{part}` is too much")),
            }
        }
        let limit = limit.unwrap_or(DEFAULT).min(LONGEST);
        if always && limit.is_zero() {
            return Err("`always` needs a time that is longer than 0".to_owned());
        }
        Ok((!limit.is_zero()).then_some(Setting { always, limit }))
    }
}

/// Returns a duration with words for people.
pub(super) fn humantime(limit: Duration) -> String {
    let seconds = limit.as_secs();
    match (seconds / 60, seconds % 60) {
        (0, _) => format!("{} s", limit.as_secs_f64()),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_a_time_and_perhaps_always() {
        let setting = |always, seconds| {
            let limit = Duration::from_secs(seconds);
            Ok(Some(Setting { always, limit }))
        };
        assert_eq!(Setting::parse("90s"), setting(false, 90));
        assert_eq!(Setting::parse("always"), setting(true, 600));
        assert_eq!(Setting::parse("always, 1m 30s"), setting(true, 90));
        assert_eq!(Setting::parse("5s,always"), setting(true, 5));
        for off in ["", "0", " "] {
            assert_eq!(Setting::parse(off), Ok(None), "{off:?}");
        }
        for wrong in [
            "1",
            "yes",
            "Always",
            "always 5s",
            "always,always",
            "5s,6s",
            "-1s",
        ] {
            assert!(Setting::parse(wrong).is_err(), "{wrong}");
        }
        for empty in ["always,", ",10m", ",", "5s,,always", "always, "] {
            let why = "a part before or after a comma is empty".to_owned();
            assert_eq!(Setting::parse(empty), Err(why), "{empty:?}");
        }
        for zero in ["always,0", "0s, always"] {
            let why = "`always` needs a time that is longer than 0".to_owned();
            assert_eq!(Setting::parse(zero), Err(why), "{zero}");
        }
    }
}
