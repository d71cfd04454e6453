//! Fake engines for tests: scripts in a directory that is all of PATH.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::engine::Engine;
use super::kind::Kind;
use crate::error::Error;

/// A PATH with only these fake engines.
pub(super) struct Fakes(PathBuf);

pub(super) fn set_mode(mode: &str, path: &Path) {
    let changed = Command::new("chmod").arg(mode).arg(path).status();
    assert!(changed.unwrap().success());
}

impl Fakes {
    pub(super) fn new(test: &str, scripts: &[(&str, &str)]) -> Fakes {
        let dir = format!("summon-fakes-{}-{test}", std::process::id());
        let dir = env::temp_dir().join(dir);
        fs::create_dir_all(&dir).unwrap();
        for (name, script) in scripts {
            // By rename: a script that another process holds open for writing can't be executed.
            let (made, path) = (dir.join("new"), dir.join(name));
            fs::write(&made, format!("#!/bin/sh\n{script}\n")).unwrap();
            set_mode("755", &made);
            fs::rename(&made, &path).unwrap();
        }
        Fakes(dir)
    }

    pub(super) fn dir(&self) -> &Path {
        &self.0
    }

    /// Returns a rootful engine, which runs the script with its kind's name.
    pub(super) fn engine(&self, kind: Kind) -> Engine {
        Engine {
            program: self.0.join(kind.to_string().to_lowercase()),
            kind,
            version: "1".to_owned(),
            is_rootless: false,
            system: String::new(),
        }
    }

    /// Replaces what differs from run to run.
    pub(super) fn shown(&self, report: &Error) -> String {
        report
            .to_string()
            .replace(&self.0.display().to_string(), "DIR")
    }
}

impl Drop for Fakes {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(super) const PATIENT: Duration = Duration::from_secs(60);
const DOCKER: &str = "[ $1 = info ] || { echo Docker version 1; exit; }; ";
pub(super) const PODMAN: &str =
    "[ $1 = info ] && echo '4.3.1|true|debian' || echo podman version 4.3.1";

pub(super) fn docker(answer: &str) -> String {
    format!("{DOCKER}{answer}")
}
