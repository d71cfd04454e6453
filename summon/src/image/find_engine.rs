//! The search for an engine that answers: what `SUMMON_ENGINE` names, or Docker, or Podman.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use once_cell::sync::OnceCell;

use super::advice;
use super::asked::{Asked, Failed};
use super::engine::Engine;
use super::kind::Kind;
use crate::error::Error;
use crate::exec_error::Attempt;

/// The variable that names the engine: a program in PATH, or a path.
const VARIABLE: &str = "SUMMON_ENGINE";
/// The engines in the order of the search.
const NAMES: [&str; 2] = ["docker", "podman"];
/// How long an engine may take to say whether it works.
const ANSWER: Duration = Duration::from_secs(10);

impl Engine {
    /// Returns the engine of this process. The first call searches, and later calls return its
    /// result.
    pub(crate) fn find() -> Result<&'static Engine, Error> {
        static FOUND: OnceCell<Result<Engine, Error>> = OnceCell::new();
        let found = FOUND.get_or_init(|| Engine::among(&Surroundings::of_this_process(), ANSWER));
        found.as_ref().map_err(Error::clone)
    }

    fn among(surroundings: &Surroundings, limit: Duration) -> Result<Engine, Error> {
        if let Some(named) = &surroundings.named {
            return surroundings.chosen(named, limit);
        }
        let mut silent: Option<Error> = None;
        for name in NAMES {
            let Ok(program) = surroundings.look_up(OsStr::new(name)) else {
                continue;
            };
            match surroundings.ask_whether_it_works(program, limit) {
                Ok(engine) => return Ok(engine),
                // The report shows both engines, since the user may want either.
                Err(error) => {
                    silent = Some(match silent {
                        None => error,
                        Some(first) => first.fact("also", error.to_string()),
                    });
                }
            }
        }
        Err(silent.unwrap_or_else(|| {
            let why = "no container engine is installed: neither `docker` nor `podman` is in PATH";
            let hint = "install Docker or Podman, for example with `apt-get install podman`; if the engine is \
                elsewhere, set `SUMMON_ENGINE` to its path";
            Error::new(why).fact("hint", hint)
        }))
    }

    /// Returns the reason if no engine is installed. Asks no engine.
    pub(crate) fn absent() -> Option<String> {
        Surroundings::of_this_process().absent()
    }
}

/// The environment of engines.
struct Surroundings {
    env: Vec<(OsString, OsString)>,
    dir: PathBuf,
    /// The value of `SUMMON_ENGINE`.
    named: Option<OsString>,
}

impl Surroundings {
    fn of_this_process() -> Surroundings {
        let dir = env::current_dir().unwrap_or_else(|_| "/".into());
        Surroundings::new(env::vars_os().collect(), dir)
    }

    fn new(env: Vec<(OsString, OsString)>, dir: PathBuf) -> Surroundings {
        let named = env.iter().find(|(name, _)| name == VARIABLE);
        let named = named.map(|(_, value)| value.clone());
        let named = named.filter(|value| !value.is_empty());
        Surroundings { env, dir, named }
    }

    fn absent(&self) -> Option<String> {
        let is_there = |name: &OsStr| self.look_up(name).is_ok();
        match &self.named {
            Some(named) if is_there(named) => None,
            Some(named) => Some(format!("no {}", Path::new(named).display())),
            None if NAMES.iter().any(|name| is_there(OsStr::new(name))) => None,
            None => Some(format!("no {} in PATH", NAMES.join(" or "))),
        }
    }

    fn ask(&self, program: &Path, args: &[OsString], until: Instant) -> Result<Vec<u8>, Failed> {
        Asked::new(program, args, &self.env, &self.dir).answer(until)
    }

    /// Returns the path of a program, or why there is none.
    fn look_up(&self, name: &OsStr) -> Result<PathBuf, Error> {
        let argv = [name.to_owned()];
        let attempt = Attempt::new(&argv, &self.env, &self.dir);
        attempt.find().ok_or_else(|| {
            let (why, hint) = attempt.explain(&io::ErrorKind::NotFound.into());
            Error::new(why).hints(hint)
        })
    }

    /// Returns the engine that `SUMMON_ENGINE` names.
    fn chosen(&self, named: &OsStr, limit: Duration) -> Result<Engine, Error> {
        let shown = Path::new(named).display();
        let program = self.look_up(named).map_err(|error| {
            Error::new(format!(
                "no container engine: {VARIABLE} is set, and {error}"
            ))
        })?;
        let engine = self.ask_whether_it_works(program, limit);
        engine.map_err(|error| error.fact("set by", format!("{VARIABLE}={shown}")))
    }

    /// Returns a hint if a variable says where the engine is.
    fn hint_at_place(&self, kind: Kind) -> Option<String> {
        let names = match kind {
            Kind::Docker => ["DOCKER_HOST", "DOCKER_CONTEXT"],
            Kind::Podman => ["CONTAINER_HOST", "CONTAINER_CONNECTION"],
        };
        let is_set = |(name, value): &&(OsString, OsString)| {
            !value.is_empty() && names.iter().any(|it| name == it)
        };
        let (name, value) = self.env.iter().find(is_set)?;
        let (name, value) = (name.to_string_lossy(), value.to_string_lossy());
        Some(format!(
            "`{name}={value}` says where the engine is: correct it, or unset it"
        ))
    }

    fn ask_whether_it_works(&self, program: PathBuf, limit: Duration) -> Result<Engine, Error> {
        let until = Instant::now() + limit;
        let shown = program.display().to_string();
        // No daemon is asked. Debian's `docker` may be a script that runs Podman.
        let said = self.ask(&program, &["--version".into()], until);
        let said = said.map_err(|failed| failed.into_error(Kind::of_program(&program)))?;
        let said = String::from_utf8_lossy(&said).trim().to_owned();
        let Some(kind) = Kind::of_version(&said) else {
            let why = format!("`{shown}` is neither Docker nor Podman");
            let hint =
                format!("set `{VARIABLE}` to `docker`, to `podman`, or to the path of either");
            return Err(Error::new(why)
                .said(said.as_bytes())
                .fact("command", format!("{shown} --version"))
                .fact("hint", hint));
        };
        let asked = ["info".into(), "--format".into(), kind.question().into()];
        let answer = self.ask(&program, &asked, until);
        let place = || self.hint_at_place(kind);
        let answer = answer.map_err(|failed| {
            let error = failed.into_error(kind).fact("version", said.clone());
            error.hints(place())
        })?;
        let answer = String::from_utf8_lossy(&answer);
        let mut parts = answer.trim().split('|');
        let mut part = || parts.next().unwrap_or_default().to_owned();
        let (version, rootless, system) = (part(), part(), part());
        if version.is_empty() {
            // Something answers that is not the engine.
            let why =
                format!("{kind} failed: `{shown} info` does not tell the version of an engine");
            let hint = place().unwrap_or_else(|| advice::if_silent(kind));
            return Err(Error::new(why).fact("version", said).fact("hint", hint));
        }
        Ok(Engine {
            program,
            kind,
            version,
            is_rootless: kind.is_rootless(&rootless),
            system,
        })
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::super::fakes::{Fakes, PATIENT, PODMAN, docker, set_mode};
    use super::*;
    use crate::sys;

    fn find(fakes: &Fakes, named: &str, limit: Duration) -> Result<Engine, Error> {
        let env = [
            ("PATH", fakes.dir().as_os_str()),
            (VARIABLE, OsStr::new(named)),
        ];
        let env = env.map(|(name, value)| (name.into(), value.to_owned()));
        let surroundings = Surroundings::new(env.into(), fakes.dir().to_owned());
        Engine::among(&surroundings, limit)
    }

    fn report(fakes: &Fakes, named: &str, limit: Duration) -> String {
        fakes.shown(&find(fakes, named, limit).unwrap_err())
    }

    #[test]
    fn without_an_engine_the_error_says_what_to_install() {
        let fakes = Fakes::new("none", &[]);
        assert_eq!(
            report(&fakes, "", PATIENT),
            "no container engine is installed: neither `docker` nor `podman` is in PATH\n  \
             hint      install Docker or Podman, for example with `apt-get install podman`; if the engine is \
             elsewhere, set `SUMMON_ENGINE` to its path"
        );
        assert_eq!(
            report(&fakes, "dicker", PATIENT),
            "no container engine: SUMMON_ENGINE is set, and `dicker` is not in PATH, which is DIR"
        );
        let fakes = Fakes::new("other", &[("true", "")]);
        assert_eq!(
            report(&fakes, "./true", PATIENT),
            "`DIR/./true` is neither Docker nor Podman\n  \
             command   DIR/./true --version\n  \
             hint      set `SUMMON_ENGINE` to `docker`, to `podman`, or to the path of either\n  \
             set by    SUMMON_ENGINE=./true"
        );
    }

    #[test]
    fn what_answers_is_taken_and_what_is_named_comes_first() {
        let works = docker("echo '27.1|[name=rootless]|Docker Desktop'");
        let fakes = Fakes::new("both", &[("docker", &works), ("podman", PODMAN)]);
        let found = find(&fakes, "", PATIENT).unwrap();
        assert_eq!(
            found.to_string(),
            format!("Docker 27.1, rootless ({}/docker)", fakes.dir().display())
        );
        assert!(found.is_rootless() && found.is_desktop());
        let found = find(&fakes, "podman", PATIENT).unwrap();
        assert_eq!((found.kind(), found.is_rootless()), (Kind::Podman, true));
        // A script in Debian's package podman-docker.
        let fakes = Fakes::new("emulated", &[("docker", PODMAN)]);
        assert_eq!(find(&fakes, "", PATIENT).unwrap().kind(), Kind::Podman);
    }

    #[test]
    fn podman_is_taken_while_docker_is_down() {
        let down = "echo 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker \
            daemon running?' >&2; exit 1";
        let (down, hangs) = (docker(down), docker("exec /bin/sleep 1000"));
        let fakes = Fakes::new("down", &[("docker", &down), ("podman", PODMAN)]);
        assert_eq!(find(&fakes, "", PATIENT).unwrap().kind(), Kind::Podman);
        let fakes = Fakes::new("hanging", &[("docker", &hangs), ("podman", PODMAN)]);
        let found = find(&fakes, "", Duration::from_secs(5)).unwrap();
        assert_eq!(found.kind(), Kind::Podman);
        let broken =
            "echo 'Error: exec: \"newuidmap\": executable file not found in $PATH' >&2; exit 125";
        let broken = format!("[ $1 = info ] || {{ echo podman version 4; exit; }}; {broken}");
        let fakes = Fakes::new("neither", &[("docker", &down), ("podman", &broken)]);
        let asked = "info --format '{{.ServerVersion}}|{{.SecurityOptions}}|{{.OperatingSystem}}'";
        let also = "info --format \
            '{{.Version.Version}}|{{.Host.Security.Rootless}}|{{.Host.Distribution.Distribution}}'";
        assert_eq!(
            report(&fakes, "", PATIENT),
            format!(
                "Docker failed: `DIR/docker {asked}` exited with code 1
  it said   Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?
  hint      start Docker, for example with `sudo systemctl start docker`, or set `SUMMON_ENGINE=podman`
  version   Docker version 1
  also      Podman failed: `DIR/podman {also}` exited with code 125
              it said   Error: exec: \"newuidmap\": executable file not found in $PATH
              hint      install the package `uidmap`
              version   podman version 4"
            )
        );
    }

    #[test]
    fn a_variable_that_leads_to_no_engine_is_in_the_hint() {
        let down = "echo 'Cannot connect to the Docker daemon at tcp://a. Is the docker daemon running?' >&2; exit 1";
        for (answer, why) in [
            (
                "echo '|[]|'",
                "info` does not tell the version of an engine",
            ),
            (down, "exited with code 1"),
        ] {
            let fakes = Fakes::new("elsewhere", &[("docker", &docker(answer))]);
            let env = [
                ("PATH", fakes.dir().as_os_str()),
                ("DOCKER_HOST", OsStr::new("tcp://a")),
            ];
            let env = env.map(|(name, value)| (name.into(), value.to_owned()));
            let surroundings = Surroundings::new(env.into(), fakes.dir().to_owned());
            let error = fakes.shown(&Engine::among(&surroundings, PATIENT).unwrap_err());
            assert!(error.contains(why), "{error}");
            let hint = "`DOCKER_HOST=tcp://a` says where the engine is: correct it, or unset it";
            assert!(error.contains(hint), "{error}");
        }
    }

    #[test]
    fn a_daemon_that_hangs_is_an_error_after_the_limit() {
        let fakes = Fakes::new("hangs", &[("docker", &docker("/bin/sleep 1000; echo 1"))]);
        let error = find(&fakes, "", Duration::from_secs(3)).unwrap_err();
        assert!(error.is_timeout(), "{error}");
        let report = error.to_string();
        assert!(report.contains("did not answer within "), "{report}");
        let hint =
            "\n  hint      the daemon hangs or is overloaded: if `docker info` does not answer";
        assert!(report.contains(hint), "{report}");
    }

    #[test]
    fn an_engine_that_can_not_be_executed_is_an_error() {
        let fakes = Fakes::new("plain", &[("docker", "")]);
        set_mode("644", &fakes.dir().join("docker"));
        let report = report(&fakes, "", PATIENT);
        assert!(report.contains("` is not executable"), "{report}");
    }

    #[test]
    fn what_an_engine_answers_is_its_standard_output_and_its_words_are_in_the_error() {
        let answers = "case $1 in --version) echo Docker version 1 ;; info) echo '1||' ;;
            create) echo warning >&2; echo id ;; rm) echo half; echo 'no such container' >&2; exit 3 ;; esac";
        let fakes = Fakes::new("asked", &[("docker", answers)]);
        let engine = find(&fakes, "", PATIENT).unwrap();
        let ask = |word: &str| engine.ask(&[word.into()], Instant::now() + PATIENT);
        assert_eq!(ask("create").unwrap(), b"id\n");
        let report = fakes.shown(&ask("rm").unwrap_err());
        assert_eq!(
            report,
            "Docker failed: `DIR/docker rm` exited with code 3\n  \
             it said   no such container\n  \
             engine    Docker 1 (DIR/docker)"
        );
    }

    #[test]
    fn the_engine_of_this_machine_says_why_another_user_may_not_use_it() {
        let Ok(engine) = Surroundings::of_this_process().look_up(OsStr::new("docker")) else {
            return;
        };
        if sys::user() != 0 || !Engine::find().is_ok_and(|found| found.kind() == Kind::Docker) {
            return;
        }
        let run = format!(
            "exec /usr/bin/setpriv --reuid=61010 --regid=61010 --clear-groups {} \"$@\"",
            engine.display()
        );
        let fakes = Fakes::new("denied", &[("docker", &run)]);
        let report = report(&fakes, "", PATIENT);
        assert!(report.contains("permission denied"), "{report}");
        assert!(
            report.contains("\n  hint      add your user to the group"),
            "{report}"
        );
    }
}
