//! The environment variables of a run: which logs stay and where, and what a run prints.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::project::Project;
use crate::support::TempDir;

/// Runs some tests of `tests/workspaces/project/tests/failures.rs`.
fn run(project: &Project, tests: &[&str], env: &[(&str, &str)]) -> Output {
    let mut command = project.cargo("test --test failures -- --exact");
    command.args(tests).envs(env.iter().copied());
    command.output().unwrap()
}

/// Returns all files below a directory.
fn files(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    let below = |path: PathBuf| match path.is_dir() {
        true => files(&path),
        false => vec![path],
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = paths.flat_map(below).collect();
    files.sort();
    files
}

fn logs(dir: &Path) -> Vec<PathBuf> {
    let mut files = files(dir);
    files.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
    files
}

#[test]
fn logs_of_tests_that_pass_go_and_those_of_tests_that_fail_stay() {
    let (project, temp) = (Project::new(), TempDir::new());
    let tmp = [("TMPDIR", temp.path().to_str().unwrap())];
    let ran = run(&project, &["panics_on_purpose"], &tmp);
    assert!(ran.status.success());
    assert_eq!(logs(temp.path()), Vec::<PathBuf>::new());
    let ran = run(&project, &["the_body_panics"], &tmp);
    assert!(!ran.status.success());
    let kept = logs(temp.path());
    assert_eq!(kept.len(), 1);
    let said = String::from_utf8(ran.stdout).unwrap();
    assert!(said.contains(kept[0].to_str().unwrap()), "{said}");
}

#[test]
fn summon_keep_keeps_every_log() {
    for (value, count) in [("1", 1), ("0", 0), ("", 0)] {
        let (project, temp) = (Project::new(), TempDir::new());
        let tmp = temp.path().to_str().unwrap();
        let env = [("TMPDIR", tmp), ("SUMMON_KEEP", value)];
        let ran = run(&project, &["panics_on_purpose"], &env);
        assert!(ran.status.success());
        let kept = logs(temp.path());
        assert_eq!(kept.len(), count, "SUMMON_KEEP={value}");
        for log in kept {
            assert_eq!(std::fs::read_to_string(&log).unwrap(), "up\n");
            let mode = std::fs::metadata(&log).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{mode:o}");
        }
    }
}

#[test]
fn summon_log_dir_says_where_logs_go() {
    let (project, temp) = (Project::new(), TempDir::new());
    let dir = temp.file("artifacts/logs");
    let ran = run(
        &project,
        &["the_body_panics", "panics_on_purpose"],
        &[("SUMMON_LOG_DIR", &dir)],
    );
    let kept = files(Path::new(&dir));
    assert_eq!(kept.len(), 1, "{kept:?}");
    let session = kept[0].parent().unwrap().file_name().unwrap();
    assert!(session.to_str().unwrap().starts_with("failures-"));
    assert_eq!(kept[0].file_name().unwrap(), "the_body_panics.server.log");
    let said = String::from_utf8(ran.stdout).unwrap();
    assert!(said.contains(kept[0].to_str().unwrap()), "{said}");
}

#[test]
fn a_log_dir_that_cannot_be_is_named() {
    let (project, temp) = (Project::new(), TempDir::new());
    let file = temp.file("file");
    std::fs::write(&file, "").unwrap();
    let ran = run(&project, &["the_body_panics"], &[("SUMMON_LOG_DIR", &file)]);
    let said = String::from_utf8(ran.stdout).unwrap();
    let wanted = format!(
        "no private directory for server: `SUMMON_LOG_DIR={file}` is no directory in which this user \
         can make "
    );
    assert!(said.contains(&wanted), "{said}");
    let remedy = "; set another directory, or unset the variable";
    assert!(said.contains(remedy), "{said}");
}

#[test]
fn live_output_is_shown_with_names() {
    let project = Project::new();
    let live = [("SUMMON_OUTPUT", "live")];
    let ran = run(&project, &["a_fixture_wrote_meanwhile"], &live);
    let shown = String::from_utf8(ran.stderr).unwrap();
    assert!(
        shown.contains("\nSHARED | up\nSHARED | asked by this test\n"),
        "{shown}"
    );
    let ran = run(&project, &["the_body_panics"], &live);
    let shown = String::from_utf8(ran.stderr).unwrap();
    assert!(shown.contains("\nthe_body_panics/server | up\n"), "{shown}");
    let ran = run(&project, &["a_fixture_wrote_meanwhile"], &[]);
    assert!(!String::from_utf8(ran.stderr).unwrap().contains(" | up"));
}

#[test]
fn a_value_of_summon_output_without_effect_is_told() {
    let project = Project::new();
    let told = "summon: `SUMMON_OUTPUT=Live` has no effect: the value is `live`\n";
    for (value, count) in [("Live", 1), ("0", 0), ("", 0)] {
        let live = [("SUMMON_OUTPUT", value)];
        let ran = run(&project, &["panics_on_purpose", "the_body_panics"], &live);
        let shown = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(shown.matches(told).count(), count, "{value}: {shown}");
    }
}

/// Returns the output of a run on a terminal.
fn on_a_terminal(project: &Project, env: &[(&str, &str)]) -> String {
    let cargo = project.cargo("test --quiet --test failures -- --exact panics_on_purpose");
    let words: Vec<&str> = std::iter::once(cargo.get_program())
        .chain(cargo.get_args())
        .map(|word| word.to_str().unwrap())
        .collect();
    let mut script = std::process::Command::new("script");
    script.args(["-qec", &words.join(" "), "/dev/null"]);
    script.current_dir(cargo.get_current_dir().unwrap());
    for (name, value) in cargo.get_envs() {
        match value {
            Some(value) => script.env(name, value),
            None => script.env_remove(name),
        };
    }
    script.env("SUMMON_OUTPUT", "live").env("TERM", "xterm");
    script.env_remove("NO_COLOR").envs(env.iter().copied());
    script.stdin(std::process::Stdio::null());
    String::from_utf8(script.output().unwrap().stdout).unwrap()
}

#[test]
#[cfg_attr(not(has_script), ignore = "script is not on PATH")]
fn live_output_is_coloured_where_that_is_wanted() {
    let project = Project::new();
    let shown = on_a_terminal(&project, &[]);
    assert!(
        shown.contains("mpanics_on_purpose/server |\x1b[0m up"),
        "{shown}"
    );
    for off in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let shown = on_a_terminal(&project, &[off]);
        assert!(shown.contains("panics_on_purpose/server | up"), "{shown}");
    }
}
