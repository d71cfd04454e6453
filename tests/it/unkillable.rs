//! If a guard lacks the right to kill a process, it reports the process, and nothing waits for the
//! process to end.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use summon::{OutputCoordinatedExecutor, SimpleExecutor};

use crate::hostile::{run_as_nobody, survivors};
use crate::needs::needs;
use crate::support::{ACTOR, Life, TempDir, copy_program, eventually, parent};

#[test]
fn processes_are_named_and_keep_nobody_busy() {
    needs!(root);
    let dir = TempDir::new();
    let (open, set_uid) = (|mode| std::fs::Permissions::from_mode(mode), 0o4755);
    std::fs::set_permissions(dir.path(), open(0o755)).unwrap();
    let copy = dir.file("roots");
    copy_program(ACTOR, &copy);
    std::fs::set_permissions(&copy, open(set_uid)).unwrap();
    let _ends = Ends(copy.clone());
    let said = run_as_nobody(
        "unkillable::run_by_another_as_nobody_and_can_not_kill",
        &copy,
    );
    let pid = |name: &str| {
        let line = said.lines().find_map(|line| line.strip_prefix(name));
        Life::of(line.unwrap().parse().unwrap())
    };
    let (service, warden) = (pid("service "), pid("warden "));
    let service = service.expect("nobody could kill it");
    assert!(service.what.starts_with(&copy), "{service:?}");
    // The warden has lost its owner, and must not wait for this process.
    eventually("the warden ends", || {
        warden.as_ref().is_none_or(|it| !it.goes_on())
    });
}

/// Kills the processes with a word in their arguments when the test ends.
struct Ends(String);

impl Drop for Ends {
    fn drop(&mut self) {
        for life in survivors(&self.0) {
            let _ = Command::new("kill")
                .args(["-KILL", &life.pid.to_string()])
                .status();
        }
    }
}

#[test]
#[ignore = "another test runs it, as a user without privileges"]
fn run_by_another_as_nobody_and_can_not_kill() {
    let program = std::env::var("SUMMON_TESTS_ROOTS").unwrap();
    // The program ends on its own, since nobody could kill it after a run that was cut off here.
    let script = [
        &program, "user", "0", "say", "up", "boot", "600000", "exit", "0",
    ];
    let server = OutputCoordinatedExecutor::new(script, "^up$")
        .after_stop("echo after")
        .named("roots")
        .stop_timeout("200ms");
    server.start().unwrap();
    let pid = server.id().unwrap();
    let (service, guard) = (Life::of(pid).unwrap(), Life::of(parent(pid)).unwrap());
    println!("\nservice {pid}\nwarden {}", parent(guard.pid));
    let error = server.stop().unwrap_err().to_string();
    assert!(service.goes_on());
    eventually("its guard ends", || !guard.goes_on());
    let headline = "roots could not be stopped: some of its processes can't be killed\n";
    assert!(error.starts_with(headline), "{error}");
    let left = format!("left      pid {pid} (`{}`)", script.join(" "));
    assert!(error.contains(&left), "{error}");
    // The warden has adopted the process, and still serves others.
    let other = SimpleExecutor::new("sleep 1000");
    other.start().unwrap();
    assert_eq!(parent(parent(other.id().unwrap())), parent(pid));
    other.stop().unwrap();
}
