//! `bin = ".."` and `example = ".."`: the programs of the user's package.

use crate::project::Project;
use crate::support::TempDir;

#[test]
fn run_where_cargo_has_built_them() {
    let project = Project::new();
    // `cargo test` builds the examples too, but would also run every test.
    project.run("build --examples").succeeded();
    project.run("test --test own").succeeded();
}

#[test]
#[cfg_attr(not(has_nextest), ignore = "cargo-nextest is not on PATH")]
fn run_where_nextest_has_unpacked_them() {
    let (project, dir) = (Project::new(), TempDir::new());
    let archive = dir.file("archive.tar.zst");
    let args = format!("nextest archive --test own --archive-file {archive}");
    project.run(&args).succeeded();
    let to = dir.file("to");
    std::fs::create_dir(&to).unwrap();
    let args = format!(
        "nextest run --archive-file {archive} --extract-to {to} --workspace-remap . \
         -E test(/^a_(binary|fixture)$/)"
    );
    let ran = project.run_with(&args, &[("PLACE", &to)]).succeeded();
    assert!(
        ran.said().contains("2 tests run: 2 passed"),
        "{}",
        ran.said()
    );
}

/// Coverage data is written when a program returns from `main`. The test in the project looks for
/// the file.
#[test]
#[ignore = "builds the project anew with coverage; `tests/run coverage` runs it"]
fn are_stopped_such_that_their_coverage_is_written() {
    let (project, dir) = (Project::new(), TempDir::new());
    let flags = "-Cinstrument-coverage";
    let target = format!("{}/../target/coverage", env!("CARGO_MANIFEST_DIR"));
    let profile = dir.file("%p.profraw");
    let env = [
        ("CARGO_ENCODED_RUSTFLAGS", flags),
        ("CARGO_TARGET_DIR", &target),
        ("LLVM_PROFILE_FILE", &profile),
    ];
    let args = "test --test own -- --exact a_binary";
    project.run_with(args, &env).succeeded();
}
