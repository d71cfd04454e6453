//! Ready when a line of output matches.

use super::nearest::nearest_line;
use super::{Explained, Facts, NotReady, Probe, Target};
use crate::output::{self, Pattern};

const NONE_YET: &str = "no such line yet";

/// Made by [`output()`].
///
/// It is that of [`OutputCoordinatedExecutor`](crate::OutputCoordinatedExecutor):
///
/// ```
/// use summon::{Coordinated, OutputCoordinatedExecutor, probe};
///
/// let worker: Coordinated<probe::Output> = OutputCoordinatedExecutor::new("my-worker", "^ready");
/// ```
#[derive(Clone, Debug)]
pub struct Output {
    banner: String,
    compiled: Result<Pattern, String>,
    times: u32,
}

/// Ready when a line of output, on either stream, matches the banner: a regular expression in
/// the syntax of the [`regex`](https://docs.rs/regex/latest/regex/#syntax) crate. `.` and `\w` match
/// characters beyond ASCII too, and so does `(?i)`; classes such as `\p{Greek}` are an error.
///
/// A line is searched as a terminal shows it: without colours, hyperlinks, other control sequences, and
/// characters that nobody sees. A carriage return begins it anew, so each state of a progress line is a
/// line. Blanks at its end don't keep `ready$` from matching. A pattern that can match no line, such as `ready\n`, is
/// an error. With [`split_output`](crate::Coordinated::split_output) each stream has lines of its own;
/// otherwise a line that one stream has begun and the other ends is one line.
///
/// A line that has not ended yet matches as soon as nothing that follows could undo it, so
/// prompts work. Of such a line only the last 64 KiB are searched.
///
/// Named groups are values: `listening on (?<port>\d+)` is how a program that chooses its own port
/// tells it. The group `port` is then what [`Process::port`](crate::Process::port) and `{port}`
/// mean, `port_admin` is `{port:admin}`, `host` is `{host}`, and any
/// other, say `token`, is [`Process::value`](crate::Process::value) and `{token}`, or `{api.token}` for
/// the other processes of the set. They count from when the line has come.
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
        compiled: Pattern::new(&banner),
        banner,
        times: 1,
    }
}

impl Output {
    /// Waits for so many lines that match. Default: 1.
    ///
    /// ```
    /// // PostgreSQL's container image starts a server for its scripts first.
    /// let ready = summon::probe::output("ready to accept connections").times(2);
    /// ```
    pub fn times(mut self, times: u32) -> Output {
        self.times = times;
        self
    }
}

impl Probe for Output {
    fn look(&self, target: &Target<'_>) -> Result<(), NotReady> {
        let banner = self.compiled.as_ref().map_err(NotReady::ever)?;
        let (count, line) = target.count_lines(banner, self.times)?;
        if let Some(line) = line {
            self.learn(banner, &line, target)?;
        }
        let why = match count {
            count if count >= self.times => return Ok(()),
            0 => NONE_YET.to_owned(),
            1 => "1 such line so far".to_owned(),
            count => format!("{count} such lines so far"),
        };
        Err(NotReady::yet(why).unless_told(true))
    }

    fn explain(&self, target: &Target<'_>, last: &str) -> Explained {
        if !last.starts_with(NONE_YET) {
            return Explained::default();
        }
        let output = target.output();
        let banner = self.compiled.as_ref().ok();
        if let Some((line, hint)) = banner.and_then(|it| output::unfinished(it, &output)) {
            return Explained {
                last: Some(format!("{last}; `{line}` is one, but has not ended")),
                hint: Some(hint.to_owned()),
            };
        }
        Explained {
            last: nearest_line(&self.banner, &output)
                .map(|line| format!("{last}; the nearest is `{line}`")),
            hint: None,
        }
    }

    fn describe(&self, _: &Target<'_>) -> String {
        match self.times {
            1 => format!("a line that matches `{}`", self.banner),
            times => format!("{times} lines that match `{}`", self.banner),
        }
    }

    fn check(&self) -> Result<(), String> {
        match &self.compiled {
            Ok(banner) if banner.is_match(b"") => Err(format!(
                "the banner `{}` matches the empty line, so it would not wait for anything",
                self.banner
            )),
            Ok(_) if self.times == 0 => {
                Err("`times` is 0, so it would not wait for anything".to_owned())
            }
            Ok(_) => Ok(()),
            Err(why) => Err(format!("the banner {why}")),
        }
    }

    fn facts(&self) -> Facts<'_> {
        let banner = self.compiled.as_ref();
        Facts {
            values: banner.map_or_else(|_| Vec::new(), Pattern::names),
            ..Facts::default()
        }
    }
}

impl Output {
    fn learn(&self, banner: &Pattern, line: &[u8], target: &Target<'_>) -> Result<(), NotReady> {
        for (name, value) in banner.values(line) {
            target.values().learn(&name, value.trim_end())?;
        }
        Ok(())
    }
}
