//! Runs `tests/workspaces/project` with real runners.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Once;
use std::time::Instant;

use crate::support::{ACTOR, Life, TempDir, eventually, recorded};

/// The project, with a separate record for each run.
pub(crate) struct Project {
    dir: TempDir,
}

impl Project {
    pub(crate) fn new() -> Project {
        Project {
            dir: TempDir::new(),
        }
    }

    /// Returns the path of a file in the project's directory.
    pub(crate) fn file(&self, name: &str) -> String {
        self.dir.file(name)
    }

    pub(crate) fn record(&self) -> String {
        self.dir.file("record")
    }

    /// Returns the directory for the project's temporary files.
    pub(crate) fn temp(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn cargo(&self, args: &str) -> Command {
        self.cargo_below(&[], args)
    }

    /// Builds the tests first, so that the limit of a run does not cover the compiler.
    pub(crate) fn build(&self) {
        static BUILT: Once = Once::new();
        BUILT.call_once(|| {
            let built = self.cargo("test --no-run --tests").output().unwrap();
            assert!(built.status.success(), "{built:?}");
        });
    }

    /// Returns a command that runs cargo through another program.
    pub(crate) fn cargo_below(&self, other: &[&str], args: &str) -> Command {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut words = other.iter().copied().chain([env!("CARGO")]);
        let mut command = Command::new(words.next().unwrap());
        command
            .args(words)
            .args(args.split(' '))
            .current_dir(root.join("workspaces/project"))
            .env("CARGO_TARGET_DIR", root.join("../target/project"))
            .env("ACTOR", ACTOR)
            .env("RECORD", self.record())
            // Tests that fail on purpose need no annotation.
            .env_remove("GITHUB_ACTIONS")
            .stdin(Stdio::null());
        // Variables from this test's own runner must not reach the project.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            // The variables of nextest stay: a run inside another run still counts as a separate
            // run.
            let is_ours = text.starts_with("CARGO_") || text.starts_with("SUMMON_");
            if is_ours && text != "CARGO_HOME" && text != "CARGO_TARGET_DIR" {
                command.env_remove(&name);
            }
        }
        command
    }

    /// Runs cargo to its end, and waits until all its processes have ended.
    pub(crate) fn run(&self, args: &str) -> Ran {
        self.run_with(args, &[])
    }

    pub(crate) fn run_with(&self, args: &str, env: &[(&str, &str)]) -> Ran {
        let mut command = self.cargo(args);
        command.envs(env.iter().copied());
        println!("`cargo {args}`");
        self.ran(&mut command)
    }

    /// Runs a command to its end, and waits until all its processes have ended.
    pub(crate) fn ran(&self, command: &mut Command) -> Ran {
        let output = command.output().unwrap();
        let ended = Instant::now();
        let record = self.record();
        let text = || std::fs::read_to_string(&record).unwrap_or_default();
        let pids = |name: &str| -> Vec<u32> {
            let text = text();
            let lines = text.lines().filter_map(|line| line.strip_prefix(name));
            lines.map(|pid| pid.trim().parse().unwrap()).collect()
        };
        for name in ["run ", "binary "] {
            for pid in pids(name) {
                let lives = || Life::of(pid).is_some_and(|life| life.what.contains(&record));
                eventually("a fixture has gone after its run", || !lives());
            }
        }
        println!("all gone {:?} after its end", ended.elapsed());
        Ran {
            output,
            record: recorded(&record),
        }
    }
}

pub(crate) struct Ran {
    pub(crate) output: Output,
    pub(crate) record: Vec<String>,
}

impl Ran {
    pub(crate) fn count(&self, word: &str) -> usize {
        self.record.iter().filter(|line| *line == word).count()
    }

    #[track_caller]
    pub(crate) fn succeeded(self) -> Ran {
        assert!(self.output.status.success(), "{}", self.said());
        self
    }

    pub(crate) fn said(&self) -> String {
        let of = |bytes| String::from_utf8_lossy(bytes).into_owned();
        format!(
            "{}\n{}\n{:?}",
            of(&self.output.stdout),
            of(&self.output.stderr),
            self.record
        )
    }

    /// Checks that each start has an end, and that the next start follows that end.
    #[track_caller]
    pub(crate) fn one_after_the_other(&self, name: &str, starts: usize) {
        let gone = format!("-{name}");
        let lives: Vec<_> = self
            .record
            .iter()
            .filter(|line| **line == name || **line == gone)
            .collect();
        assert_eq!(lives.len(), 2 * starts, "{}", self.said());
        for two in lives.chunks(2) {
            assert_eq!((two[0].as_str(), two[1]), (name, &gone), "{}", self.said());
        }
    }
}
