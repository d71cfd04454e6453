//! The engine of the tests, which summon uses too.

use std::process::Command;

use summon::OutputCoordinatedExecutor;

use crate::support::TempDir;

/// The image of the actor. The first part of its name is that of this checkout.
pub(crate) const ACTOR: &str = concat!(env!("SUMMON_TEST_IMAGES"), "/actor:1");
pub(crate) const POSTGRES: &str = concat!(env!("SUMMON_TEST_IMAGES"), "/postgres:1");
pub(crate) const REDIS: &str = concat!(env!("SUMMON_TEST_IMAGES"), "/redis:1");
pub(crate) const SERVERS: &str = concat!(env!("SUMMON_TEST_IMAGES"), "/servers:1");
pub(crate) const MARIADB: &str = concat!(env!("SUMMON_TEST_IMAGES"), "/mariadb:1");

/// Returns the containers that match a filter.
pub(crate) fn containers(filter: &str) -> String {
    let format = "{{.Names}} {{.Status}}";
    // A server is ready before Docker has written down that its container runs: `-a` lists it anyhow.
    answer(&["ps", "-a", "--filter", filter, "--format", format])
}

/// Returns whether the engine is Podman.
pub(crate) fn is_podman() -> bool {
    engine().contains("podman")
}

/// Runs a command of the engine.
pub(crate) fn ask(args: &[&str]) {
    answer(args);
}

/// Returns what a command of the engine writes.
pub(crate) fn answer(args: &[&str]) -> String {
    let output = Command::new(engine()).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Returns the program of the engine.
pub(crate) fn engine() -> &'static str {
    static ENGINE: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    ENGINE.get_or_init(|| std::env::var("SUMMON_ENGINE").unwrap_or_else(|_| "docker".to_owned()))
}

/// Returns the name of the engine's program.
pub(crate) fn stem() -> &'static str {
    let stem = std::path::Path::new(engine()).file_stem();
    stem.unwrap().to_str().unwrap()
}

/// Makes a script that plays an engine, and returns its path.
pub(crate) fn script(dir: &TempDir, name: &str, text: &str) -> String {
    let (made, path) = (dir.file("new"), dir.file(name));
    std::fs::write(&made, format!("#!/bin/sh\n{text}\n")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&made, mode).unwrap();
    // By rename: a script that another process holds open for writing can't be executed.
    std::fs::rename(made, &path).unwrap();
    path
}

/// Returns a shell in a container. It is ready when its script writes `up`.
pub(crate) fn shell(script: &str) -> OutputCoordinatedExecutor {
    OutputCoordinatedExecutor::new(["-c", script], "^up$")
        .image(ACTOR)
        .entrypoint("sh")
}
