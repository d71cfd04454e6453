//! The limits of nextest, which end a test even while it is held.

use std::path::Path;

use crate::sys::runner;

/// The settings that end a test, or the whole run.
const LIMITS: [&str; 2] = ["terminate-after", "global-timeout"];

/// Returns a warning if nextest's settings may cut a hold short.
pub(super) fn warning() -> Option<String> {
    let runner = runner::current().filter(|runner| runner.is_nextest)?;
    let dirs = runner.dir.as_deref()?.ancestors();
    let mut files = dirs.map(|dir| dir.join(".config/nextest.toml"));
    let file = files.find(|file| file.is_file())?;
    let limit = limit(&std::fs::read_to_string(&file).ok()?)?;
    Some(told(limit, &file))
}

fn told(limit: &str, file: &Path) -> String {
    format!(
        "`{limit}` in {} may end this test earlier; run it with a profile without that limit, or with \
         `cargo test`",
        file.display()
    )
}

/// Returns the first setting that is a limit.
fn limit(settings: &str) -> Option<&'static str> {
    let code = settings
        .lines()
        .map(|line| line.split('#').next().unwrap_or(line));
    let code: Vec<&str> = code.collect();
    LIMITS
        .into_iter()
        .find(|limit| code.iter().any(|line| line.contains(limit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_found_and_comments_are_not() {
        let slow = "[profile.default]\nslow-timeout = { period = \"60s\", terminate-after = 2 }";
        assert_eq!(limit(slow), Some("terminate-after"));
        assert_eq!(limit("global-timeout = \"1h\""), Some("global-timeout"));
        assert_eq!(limit("slow-timeout = \"60s\" # terminate-after"), None);
    }
}
