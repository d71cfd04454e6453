//! The health check of an image.

use std::ffi::OsString;
use std::time::Duration;

use super::parts::Parts;
use crate::guard::Program;
use crate::probe::NotReady;

/// The template of the engine for the words of the check. Each word ends with a NUL.
const QUESTION: &str =
    "{{with .Config.Healthcheck}}{{range .Test}}{{printf \"%s\\x00\" .}}{{end}}{{end}}";
const LIMIT: Duration = Duration::from_secs(30);

impl Parts {
    /// Returns the health check of the image, as a command that runs in the container.
    pub(super) fn health_check(&self) -> Result<Program, NotReady> {
        let ever = |why: &str| NotReady::ever(why.to_owned());
        let contained = self.present_container();
        let contained = contained.map_err(|error| NotReady::ever(error.headline()))?;
        let contained = contained.ok_or_else(|| ever("`healthy` needs an `image`"))?;
        let args = [
            "container",
            "inspect",
            "--format",
            QUESTION,
            &contained.name,
        ];
        let answer = contained.ask(&args, LIMIT);
        let answer = answer.map_err(|error| NotReady::yet(error.headline()))?;
        let words = words_of(&answer).ok_or_else(|| {
            ever(
                "the image has no health check; add `--health-cmd` to `engine_args`, or wait for a port or \
                 a line of output",
            )
        })?;
        let program = self.helper_with("health check", contained.exec(words));
        program.map_err(|error| NotReady::ever(error.headline()))
    }
}

/// Reads the answer to [`QUESTION`].
fn words_of(answer: &[u8]) -> Option<Vec<OsString>> {
    let mut words: Vec<&[u8]> = answer.split(|byte| *byte == 0).collect();
    // The line end of the engine follows the last NUL.
    words.pop();
    let owned = |word: &&[u8]| OsString::from(String::from_utf8_lossy(word).into_owned());
    match words.split_first()? {
        (&b"CMD", args) if !args.is_empty() => Some(args.iter().map(owned).collect()),
        (&b"CMD-SHELL", [line]) => Some(vec!["/bin/sh".into(), "-c".into(), owned(line)]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_health_check_are_read() {
        let words = |answer: &str| {
            let words = words_of(answer.as_bytes())?;
            let words = words.into_iter().map(|word| word.into_string().unwrap());
            Some(words.collect::<Vec<_>>())
        };
        let shell = words("CMD-SHELL\0pg_isready || exit 1\0\n").unwrap();
        assert_eq!(shell, ["/bin/sh", "-c", "pg_isready || exit 1"]);
        assert_eq!(words("CMD\0ping\0a b\0\n").unwrap(), ["ping", "a b"]);
        for none in ["", "\n", "NONE\0\n", "CMD\0\n", "CMD-SHELL\0\n"] {
            assert_eq!(words(none), None, "{none:?}");
        }
    }
}
