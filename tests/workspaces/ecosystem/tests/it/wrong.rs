//! Orders of attributes that do not compile, and the errors that the docs quote.

use std::path::Path;
use std::process::Command;

/// Compiles a case as cargo compiles tests, and returns the messages. trybuild would compile it as
/// a program, without the code of tests, and would build all dependencies again.
fn said(case: &str) -> (bool, String) {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command.args(["rustc", "--locked", "--test", "wrong", "--target-dir"]);
    // The directory with the build of this test and of its dependencies.
    command.arg(Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap());
    command.args(["--", "--cfg", &format!("case={case:?}")]);
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.success(), said)
}

#[test]
fn each_order_has_its_error() {
    // Other compilers may use other words.
    let rustc = Command::new("rustc").arg("--version").output().unwrap();
    let is_known = rustc.stdout.starts_with(b"rustc 1.95.");
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wrong");
    let mut tried = 0;
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(path).unwrap();
        let first = text.lines().next().unwrap();
        let Some(expected) = first.strip_prefix("//! error: ") else {
            assert_eq!(name, "main");
            continue;
        };
        let (has_compiled, said) = said(&name);
        assert!(!has_compiled, "{name}");
        let place = format!("--> tests/wrong/{name}.rs:");
        assert!(said.contains(&place), "{name}: {said}");
        let errors = said.lines().filter(|line| line.starts_with("error"));
        // The last error is cargo's. The compiler reports some errors twice.
        let errors: Vec<&str> = errors.filter(|line| !line.ends_with(expected)).collect();
        assert!(errors.len() == 1 || !is_known, "{name}: {said}");
        tried += 1;
    }
    assert_eq!(tried, 9);
}
