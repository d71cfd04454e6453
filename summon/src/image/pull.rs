//! Brings images to this machine.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Engine;
use super::inspected::{Inspected, QUESTION};
use crate::error::Error;

/// When summon pulls an image: the value of [`Coordinated::pull`](crate::Coordinated::pull).
///
/// ```
/// use summon::{Pull, TcpCoordinatedExecutor};
///
/// TcpCoordinatedExecutor::new("", "localhost", 6379).image("redis:7").pull(Pull::Never);
/// assert_eq!(Pull::default(), Pull::Missing);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Pull {
    /// summon pulls a missing image.
    #[default]
    Missing,
    /// summon pulls the image once for all test processes of the run.
    Always,
    /// summon never pulls. A start without the image fails.
    Never,
}

/// The time-out of a question about an image.
const ANSWER: Duration = Duration::from_secs(30);

/// Pulls the image if needed, and returns the engine's answer about it. Later calls return the same answer:
/// a start costs one command of the engine less.
pub(crate) fn ensure(
    engine: &Engine,
    image: &str,
    platform: Option<&str>,
    pull: Pull,
) -> Result<Inspected, Error> {
    check_name(image)?;
    let wanted = Wanted {
        engine,
        image,
        platform,
    };
    static FOUND: Mutex<BTreeMap<String, Inspected>> = Mutex::new(BTreeMap::new());
    let key = format!("{} {}", wanted.key(), pull == Pull::Always);
    let known = || FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = known().get(&key) {
        return Ok(found.clone());
    }
    // Threads may both ask, and get the same answer.
    let found = wanted.bring(pull)?;
    known().insert(key, found.clone());
    Ok(found)
}

impl Wanted<'_> {
    fn bring(&self, pull: Pull) -> Result<Inspected, Error> {
        if pull != Pull::Always {
            if let Some(found) = self.inspect()? {
                return Ok(found);
            }
        }
        match pull {
            Pull::Never => {
                let platform = self.platform.map(|it| format!("--platform={it} "));
                let hint = format!(
                    "run `{} pull {platform}{image}`, or leave out `pull = \"never\"`",
                    self.engine.program().display(),
                    platform = platform.unwrap_or_default(),
                    image = self.image
                );
                return Err(self.absent("and `pull` is \"never\"").fact("hint", hint));
            }
            Pull::Always | Pull::Missing => self.pull_once_here(pull == Pull::Always)?,
        }
        let found = self.inspect()?;
        found.ok_or_else(|| self.absent("although the engine has pulled it"))
    }
}

/// Returns whether this machine has the image.
pub(crate) fn is_here(engine: &Engine, image: &str, platform: Option<&str>) -> Result<bool, Error> {
    check_name(image)?;
    let wanted = Wanted {
        engine,
        image,
        platform,
    };
    wanted.inspect().map(|found| found.is_some())
}

/// An image would be taken for an option of the engine if it began with `-`.
fn check_name(image: &str) -> Result<(), Error> {
    let is_odd = |c: char| c.is_whitespace() || c.is_control();
    if image.is_empty() || image.starts_with('-') || image.contains(is_odd) {
        let hint = "write an image as `NAME:TAG`, such as `redis:7`, or as `REGISTRY/NAME:TAG`";
        return Err(Error::new(format!("`{image}` is not the name of an image")).fact("hint", hint));
    }
    Ok(())
}

/// An image that a process wants.
pub(super) struct Wanted<'a> {
    pub(super) engine: &'a Engine,
    pub(super) image: &'a str,
    pub(super) platform: Option<&'a str>,
}

impl Wanted<'_> {
    pub(super) fn absent(&self, why: &str) -> Error {
        let platform = self.platform.map(|platform| format!(" for {platform}"));
        let (image, platform) = (self.image, platform.unwrap_or_default());
        Error::new(format!(
            "the image `{image}`{platform} is not on this machine, {why}"
        ))
        .fact("engine", self.engine.to_string())
    }

    /// Asks the engine about the image. `None` if the engine lacks the image for the platform.
    pub(super) fn inspect(&self) -> Result<Option<Inspected>, Error> {
        let args = ["image", "inspect", "--format", QUESTION, self.image].map(OsString::from);
        let answer = self.engine.ask_about(&args, Instant::now() + ANSWER)?;
        let found = answer.and_then(|answer| Inspected::read(&String::from_utf8_lossy(&answer)));
        let fits = |found: &Inspected| match self.platform {
            // A variant, such as `v8` of `linux/arm64/v8`, is the registry's matter.
            Some(platform) => platform.starts_with(&found.platform) || !platform.contains('/'),
            None => true,
        };
        Ok(found.filter(fits))
    }

    pub(super) fn pull(&self, deadline: Instant) -> Result<(), Error> {
        let mut args = vec!["pull".into(), "--quiet".into()];
        if let Some(platform) = self.platform {
            args.push(format!("--platform={platform}").into());
        }
        args.push(self.image.into());
        let what = format!("{} pulls the image {}", self.engine.kind(), self.image);
        let pulled = self.engine.ask_telling(&args, deadline, &what);
        pulled.map(drop)
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;

    use super::super::Kind;
    use super::super::fakes::{Fakes, PATIENT};
    use super::*;

    /// A script of an engine that has an image once these commands have pulled it.
    fn script(pull: &str) -> String {
        format!(
            "cd ${{0%/*}}; [ $1 = pull ] && {{ echo \"$@\" >>pulls; {pull}; }}
            [ $1 != image ] || [ -e image ] && echo '7|linux/amd64|[]|{{}}' || {{ echo No such image: x >&2; exit 1; }}"
        )
    }

    fn pulls(fakes: &Fakes) -> String {
        fs::read_to_string(fakes.dir().join("pulls")).unwrap_or_default()
    }

    #[test]
    fn a_missing_image_is_pulled_once_by_all_who_want_it() {
        // The pull ends after every thread has asked for the image.
        let slow = "until [ $(/usr/bin/wc -l <looks) -ge 5 ]; do /bin/sleep 0.01; done; : >image";
        let script = format!(
            "[ $1 = pull ] || echo look >>${{0%/*}}/looks\n{}",
            script(slow)
        );
        let fakes = Fakes::new("slow", &[("docker", &script)]);
        let engine = fakes.engine(Kind::Docker);
        let (image, platform) = ("x:1", None);
        let wanted = || Wanted {
            engine: &engine,
            image,
            platform,
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                // As other processes of the run do.
                scope.spawn(|| {
                    assert_eq!(wanted().inspect().unwrap(), None);
                    wanted().pull_once(false).unwrap();
                });
            }
        });
        assert_eq!(pulls(&fakes), "pull --quiet x:1\n");
        assert_eq!(ensure(&engine, image, None, Pull::Never).unwrap().id, "7");
        // The registry lacks this platform.
        let error = ensure(&engine, image, Some("linux/arm64"), Pull::Missing).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("`x:1` for linux/arm64 is not on"),
            "{error}"
        );
    }

    #[test]
    fn always_pulls_once_a_run_and_never_does_not() {
        let fakes = Fakes::new("always", &[("docker", &script(": >image"))]);
        let engine = fakes.engine(Kind::Docker);
        let error = ensure(&engine, "y:1", None, Pull::Never).unwrap_err();
        assert_eq!(
            fakes.shown(&error),
            "the image `y:1` is not on this machine, and `pull` is \"never\"\n  \
             engine    Docker 1 (DIR/docker)\n  \
             hint      run `DIR/docker pull y:1`, or leave out `pull = \"never\"`"
        );
        assert_eq!(pulls(&fakes), "");
        for _ in 0..2 {
            ensure(&engine, "y:1", None, Pull::Always).unwrap();
        }
        // As another process of the run does.
        let (image, platform) = ("y:1", None);
        let wanted = Wanted {
            engine: &engine,
            image,
            platform,
        };
        wanted.pull_once(true).unwrap();
        assert_eq!(pulls(&fakes), "pull --quiet y:1\n");
    }

    #[test]
    fn a_pull_that_fails_says_what_to_do() {
        for (said, hint) in [
            (
                "manifest for x:1 not found: manifest unknown",
                "check the name and the tag",
            ),
            (
                "pull access denied for x, repository does not exist",
                "run `docker login`",
            ),
            (
                "no matching manifest for linux/amd64 in the manifest list",
                "with `platform`",
            ),
            (
                "Get \"http://r/v2/\": dial tcp 1.2.3.4:1: connect: connection refused",
                "can't be reached",
            ),
        ] {
            let fails = format!("echo '{said}' >&2; exit 1");
            let fakes = Fakes::new("fails", &[("docker", &script(&fails))]);
            let error = ensure(
                &fakes.engine(Kind::Docker),
                &format!("z:{}", said.len()),
                None,
                Pull::Missing,
            );
            let error = error.unwrap_err().to_string();
            assert!(
                error.contains(&format!("\n  it said   {said}\n  hint      ")),
                "{error}"
            );
            assert!(error.contains(hint), "{error}");
            assert!(error.starts_with("Docker failed: `"), "{error}");
        }
    }

    #[test]
    fn a_pull_that_takes_long_ends_at_its_limit() {
        let fakes = Fakes::new("endless", &[("docker", &script("/bin/sleep 1000"))]);
        let engine = fakes.engine(Kind::Docker);
        let wanted = Wanted {
            engine: &engine,
            image: "w:1",
            platform: None,
        };
        let began = Instant::now();
        let error = wanted.pull(began + Duration::from_secs(3)).unwrap_err();
        assert!(error.is_timeout() && began.elapsed() < PATIENT, "{error}");
    }

    #[test]
    fn the_name_of_an_image_is_no_option_of_the_engine() {
        for name in ["", "--privileged", "-v/:/host", "a b", "redis\n"] {
            let error = check_name(name).unwrap_err().to_string();
            assert!(error.contains("is not the name of an image"), "{error}");
        }
        for name in ["redis", "localhost:5000/a/b-c:7@sha256:00"] {
            check_name(name).unwrap();
        }
    }
}
