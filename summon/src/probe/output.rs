//! Ready when a line of output matches.

use std::hash::{Hash, Hasher};

use super::lines::count_lines;
use super::nearest_line::nearest_line;
use super::{AtTheEnd, Explained, Facts, NotReady, Probe, Target};
use crate::output::{self, Pattern};

const NO_LINE: &str = "no such line";

/// A probe for a line of output, made by [`output()`].
///
/// [`OutputCoordinatedExecutor`](crate::OutputCoordinatedExecutor) uses it:
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

/// Waits for a line of output, on stdout or stderr, that matches the banner. The banner is a regular
/// expression in the syntax of the [`regex`](https://docs.rs/regex/latest/regex/#syntax) crate. `.`,
/// `\w`, and `(?i)` also match characters beyond ASCII; classes such as `\p{Greek}` are an error.
///
/// summon searches a line as a terminal shows it: without colours, hyperlinks, other control sequences,
/// and invisible characters. A carriage return starts a new line, so each state of a progress line is a
/// line. `ready$` matches despite blanks at the end of the line. A pattern that can match no line, such
/// as `ready\n`, is an error. By default stdout and stderr share their lines: if one stream begins a
/// line and the other ends it, that is one line. With
/// [`split_output`](crate::Coordinated::split_output) each stream has separate lines.
///
/// An incomplete line, such as a prompt, matches as soon as no further text could undo the match.
/// summon searches only the last 64 KiB of an incomplete line. A banner with groups needs a complete
/// line, since more text could change what they capture. `(?:..)` makes a group that captures nothing,
/// so `(?:login|user):` matches a prompt.
///
/// Named groups become values, for programs that choose their port and print it:
/// `listening on (?<port>\d+)`. The group `port` sets [`Process::port`](crate::Process::port) and
/// `{port}`, `port_admin` sets `{port:admin}`, and `host` sets `{host}`. Any other group, say `token`,
/// sets [`Process::value`](crate::Process::value) and `{token}`; other processes of the set write
/// `{api.token}`. The values are available once the line has come.
///
/// Many programs buffer their output when it goes to a pipe. To prevent that, set
/// `env("PYTHONUNBUFFERED", "1")` for Python, and run C programs with `stdbuf -oL`.
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
    /// Sets the number of matching lines to wait for. Default: 1.
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
        let (count, line) = count_lines(target, banner, self.times)?;
        if let Some(line) = line {
            self.learn(banner, &line, target)?;
        }
        let why = match count {
            count if count >= self.times => return Ok(()),
            0 => NO_LINE.to_owned(),
            1 => "1 such line so far".to_owned(),
            count => format!("{count} such lines so far"),
        };
        Err(NotReady::yet(why).unless_told(true))
    }

    fn explain(&self, target: &Target<'_>) -> Explained {
        let Ok(banner) = &self.compiled else {
            return Explained::default();
        };
        if !matches!(count_lines(target, banner, 1), Ok((0, _))) {
            return Explained::default();
        }
        let output = target.output();
        if let Some((line, hint)) = output::unfinished(banner, &output) {
            return Explained {
                last: Some(format!("{NO_LINE}; `{line}` matches, but has not ended")),
                hint: Some(hint.to_owned()),
            };
        }
        Explained {
            last: nearest_line(&self.banner, &output::shown(&output))
                .map(|line| format!("{NO_LINE}; the nearest is `{line}`")),
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

    fn hash_options(&self, mut state: &mut dyn Hasher) {
        ("output", &self.banner, self.times).hash(&mut state);
    }

    fn facts(&self) -> Facts<'_> {
        let banner = self.compiled.as_ref();
        Facts {
            values: banner.map_or_else(|_| Vec::new(), Pattern::names),
            is_seen_in_log: true,
            at_the_end: AtTheEnd::Sign,
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
