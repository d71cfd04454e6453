//! Two versions of summon in one program, each with its own helpers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{ACTOR, TempDir};

const MAIN: &str = r#"
macro_rules! start {
    ($summon:ident) => {
        std::thread::spawn(|| {
            let actor = std::env::args().nth(1).unwrap();
            let server = $summon::OutputCoordinatedExecutor::new([actor.as_str(), "say", "up"], "^up$");
            server.start().unwrap();
            let pid = server.id().unwrap();
            let parent = |pid: &str| {
                let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
                let fields = stat[stat.rfind(')').unwrap() + 2..].to_owned();
                fields.split(' ').nth(1).unwrap().to_owned()
            };
            let warden = parent(&parent(&pid.to_string()));
            let environ = std::fs::read_to_string(format!("/proc/{warden}/environ")).unwrap();
            let mut variables = environ.split('\0');
            let mark = variables.find_map(|it| it.strip_prefix("SUMMON_WARDEN=")).unwrap();
            println!("{warden} {mark}");
            server.stop().unwrap();
        })
    };
}

fn main() {
    // The versions start one after the other, in both orders.
    for _ in 0..2 {
        start!(old).join().unwrap();
        start!(new).join().unwrap();
    }
}
"#;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

#[test]
fn in_one_program_serve_themselves() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let root = fs::canonicalize(root).unwrap();
    let dir = TempDir::new();
    let at = |path: &str| dir.path().join(path);
    // The crate reads its version from its manifest. The copy has a different manifest.
    copy(&root.join("summon"), &at("new"));
    let manifest = fs::read_to_string(at("new/Cargo.toml")).unwrap();
    let workspace = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let package = workspace.split("[workspace.package]").nth(1).unwrap();
    let package = package.split("\n[").next().unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let package = package.replace(
        &format!("version = \"{version}\"\n"),
        "version = \"99.0.0\"\n",
    );
    let manifest = ["summon-macros", "summon-syntax"]
        .iter()
        .fold(manifest, |manifest, name| {
            let path = format!("{:?}", root.join(name));
            manifest.replace(&format!("\"../{name}\""), &path)
        });
    fs::copy(root.join("README.md"), at("README.md")).unwrap();
    let members = "[workspace]\nmembers = [\"new\", \"both\"]\nresolver = \"3\"\n";
    fs::write(
        at("new/Cargo.toml"),
        manifest.replace("[lints]\nworkspace = true", ""),
    )
    .unwrap();
    fs::write(
        at("Cargo.toml"),
        format!("{members}[workspace.package]{package}\n"),
    )
    .unwrap();
    fs::create_dir_all(at("both/src")).unwrap();
    let both = format!(
        "[package]\nname = \"both\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
         [dependencies]\nold = {{ package = \"summon-process\", path = {:?} }}\n\
         new = {{ package = \"summon-process\", path = \"../new\" }}\n",
        root.join("summon")
    );
    fs::write(at("both/Cargo.toml"), both).unwrap();
    fs::write(at("both/src/main.rs"), MAIN).unwrap();
    fs::copy(root.join("Cargo.lock"), at("Cargo.lock")).unwrap();
    let run = Command::new(env!("CARGO"))
        .args([
            "run",
            "--quiet",
            "--offline",
            "--package",
            "both",
            "--",
            ACTOR,
        ])
        .env("CARGO_TARGET_DIR", root.join("target/versions"))
        .env("RUSTFLAGS", "-Cdebuginfo=0")
        .current_dir(dir.path())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{errors}");
    let said = String::from_utf8(run.stdout).unwrap();
    let lines: Vec<&str> = said.lines().collect();
    let [old, new, old_again, new_again] = lines[..] else {
        panic!("{said}{errors}");
    };
    assert_eq!((old, new), (old_again, new_again));
    let mark = |line: &str| line.split(' ').nth(1).unwrap().to_owned();
    assert!(mark(old).starts_with(&format!("{version}-")), "{said}");
    assert!(mark(new).starts_with("99.0.0-"), "{said}");
}
