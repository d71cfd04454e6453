//! Ready when a line of output matches.

use regex::bytes::Regex;

use super::{NotReady, Probe, Target};
use crate::output::pattern;

/// Made by [`output()`].
#[derive(Clone, Debug)]
pub struct Output {
    banner: String,
    compiled: Result<Regex, String>,
}

/// Ready when a line of output, on either stream, matches the banner: a regular expression in
/// the syntax of the [`regex`](https://docs.rs/regex/latest/regex/#syntax) crate, searched in raw
/// bytes, so that `\d` means ASCII digits.
///
/// A line that has not ended yet matches as soon as nothing that follows could undo it, so
/// prompts work. Of such a line only the last 64 KiB are searched.
///
/// Many programs hold their output back when it goes into a pipe; for Python there is `-u`, and
/// for C programs `stdbuf -oL`.
///
/// ```
/// let banner = summon::probe::output(r"listening on port \d+$");
/// let server = summon::Coordinated::with("sh -c 'echo listening on port 80; exec sleep 100'", banner);
/// server.start()?;
/// # Ok::<(), summon::Error>(())
/// ```
pub fn output(banner: impl Into<String>) -> Output {
    let banner = banner.into();
    Output {
        compiled: pattern(&banner),
        banner,
    }
}

impl Probe for Output {
    fn look(&self, target: &Target<'_>) -> Result<(), NotReady> {
        let banner = self.compiled.as_ref().map_err(NotReady::ever)?;
        match target.find_line(banner) {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(NotReady::yet("no such line yet")),
            Err(error) => Err(NotReady::ever(format!("the log can't be read: {error}"))),
        }
    }

    fn describe(&self, _: &Target<'_>) -> String {
        format!("a line that matches `{}`", self.banner)
    }

    fn check(&self) -> Result<(), String> {
        match &self.compiled {
            Ok(banner) if banner.is_match(b"") => Err(format!(
                "the banner `{}` matches the empty line, so it would not wait for anything",
                self.banner
            )),
            Ok(_) => Ok(()),
            Err(error) => Err(format!("the banner is no regular expression: {error}")),
        }
    }

    fn reads_output_only(&self) -> bool {
        true
    }
}
