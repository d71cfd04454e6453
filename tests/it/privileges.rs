//! A program with privileges that links summon keeps its privileges from its caller. The caller may
//! choose any environment and any descriptors.

use std::fs;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::needs::needs;
use crate::support::{ACTOR, OWNER, TempDir, copy_program, parent};
use crate::tree::Owner;

const STRANGER: [&str; 3] = ["--reuid=61009", "--regid=61009", "--clear-groups"];
/// The output of a program that runs its `main`.
const MAIN: &str = "main\n, nothing";

/// Copies of a program that other users may execute.
struct Copies {
    dir: TempDir,
    /// The mark of a real warden, for a copy that pretends to be a warden.
    mark: String,
}

impl Copies {
    fn new() -> Copies {
        // The owner ends when its standard input closes, at the end of this function.
        let owner = Owner::from(Command::new(OWNER).args(["plain", "exit", ACTOR]));
        let warden = parent(parent(owner.services[0]));
        let environ = fs::read(format!("/proc/{warden}/environ")).unwrap();
        let environ = String::from_utf8_lossy(&environ).into_owned();
        let mut variables = environ.split('\0');
        let mark = variables.find_map(|it| it.strip_prefix("SUMMON_WARDEN="));
        let dir = TempDir::new();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let mark = mark.expect("a warden has the mark").to_owned();
        Copies { dir, mark }
    }

    fn of(&self, program: &str, name: &str, mode: u32) -> String {
        let copy = self.dir.file(name);
        copy_program(program, &copy);
        fs::set_permissions(&copy, fs::Permissions::from_mode(mode)).unwrap();
        copy
    }

    /// Runs the program as a stranger who pretends that it is the stranger's warden. Returns its
    /// output and the text from the socket.
    fn attacked(&self, command: &[&str]) -> String {
        let run = Command::new("setpriv")
            .args(STRANGER)
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "privileges::run_by_another_that_attacks"])
            .args(["--ignored", "--nocapture"])
            .env("ATTACKED", command.join("\n"))
            .env("ATTACKED_MARK", &self.mark)
            .env("SUMMON_LOG_DIR", self.dir.file("logs"))
            .env("SUMMON_TRACE", self.dir.file("trace"))
            .current_dir(self.dir.path())
            .output()
            .unwrap();
        let said = String::from_utf8(run.stdout).unwrap();
        let said = said
            .split_once("<<")
            .and_then(|(_, rest)| rest.split_once(">>"));
        let (said, _) = said.expect("the attacker says what came of it");
        said.to_owned()
    }
}

#[test]
#[ignore = "another test runs it, as another user"]
fn run_by_another_that_attacks() {
    let command = std::env::var("ATTACKED").unwrap();
    let mark = std::env::var("ATTACKED_MARK").unwrap();
    let mut words = command.split('\n');
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    writeln!(ours, "summon warden {mark}").unwrap();
    let mut child = Command::new(words.next().unwrap())
        .args(words)
        .env("SUMMON_WARDEN", mark)
        .stdin(OwnedFd::from(theirs))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // The socket closes when the program ends. A warden would send `hello` before that.
    ours.set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let mut answer = [0; 64];
    let answer = match ours.read(&mut answer) {
        Ok(length) if length > 0 => String::from_utf8_lossy(&answer[4..length]).into_owned(),
        _ => "nothing".to_owned(),
    };
    drop(ours);
    let mut said = String::new();
    let stdout = child.stdout.as_mut().unwrap();
    stdout.read_to_string(&mut said).unwrap();
    child.wait().unwrap();
    println!("<<{said}, {answer}>>");
}

#[test]
fn of_a_file_are_not_for_its_caller() {
    needs!(set_user_id);
    let copies = Copies::new();
    // The same attack works if the program has no privileges to steal.
    let plain = copies.of(OWNER, "plain", 0o755);
    assert_eq!(copies.attacked(&[&plain]), ", hello");
    for (name, mode) in [("user", 0o4755), ("group", 0o2755), ("both", 0o6755)] {
        let privileged = copies.of(OWNER, name, mode);
        assert_eq!(copies.attacked(&[&privileged]), MAIN, "{name}");
    }
}

#[test]
fn that_are_capabilities_of_a_file_are_not_for_its_caller() {
    needs!(capabilities);
    let copies = Copies::new();
    for set in ["cap_net_bind_service=ep", "cap_dac_override=p"] {
        let privileged = copies.of(OWNER, "capable", 0o755);
        let status = Command::new("setcap").args([set, &privileged]).status();
        assert!(status.unwrap().success());
        assert_eq!(copies.attacked(&[&privileged]), MAIN, "{set}");
    }
}

#[test]
fn that_a_program_passes_on_are_not_for_its_caller() {
    needs!(set_user_id);
    let copies = Copies::new();
    // The wrapper becomes root permanently, so the kernel no longer reports that it has a caller.
    let wrapper = copies.of("/usr/bin/setpriv", "wrapper", 0o4755);
    let plain = copies.of(OWNER, "plain", 0o755);
    let words = [
        &wrapper,
        "--reuid=0",
        "--regid=0",
        "--clear-groups",
        "--",
        &plain,
    ];
    assert_eq!(copies.attacked(&words), MAIN);
}

#[test]
fn of_a_file_start_nothing_and_write_nothing() {
    needs!(set_user_id);
    let copies = Copies::new();
    let privileged = copies.of(OWNER, "user", 0o4755);
    let temp = copies.dir.file("temp");
    fs::create_dir(&temp).unwrap();
    fs::set_permissions(&temp, fs::Permissions::from_mode(0o777)).unwrap();
    let run = Command::new("setpriv")
        .args(STRANGER)
        .args([&privileged, "plain", "return", ACTOR])
        .env("TMPDIR", &temp)
        .env("SUMMON_LOG_DIR", format!("{temp}/logs"))
        .env("SUMMON_TRACE", format!("{temp}/trace"))
        .stdin(Stdio::null())
        .current_dir(copies.dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(!run.status.success(), "{said}");
    assert!(
        said.contains("summon starts nothing in a program whose file has privileges"),
        "{said}"
    );
    assert!(said.contains("(`AT_SECURE`)"), "{said}");
    assert_eq!(fs::read_dir(&temp).unwrap().count(), 0);
}
