//! Nothing outlives the run, even if SIGSTOP halts summon's helper processes.

use std::fs;
use std::process::{Command, Stdio};

use summon::SimpleExecutor;

use crate::support::{Group, Killed, Life, TempDir, eventually, parent};
use crate::tree::Owner;

/// Sends SIGSTOP to a helper process.
fn halt(life: &Life) {
    signal(life, libc::SIGSTOP);
}

fn signal(life: &Life, signal: i32) {
    // SAFETY: `kill` takes two numbers. The process belongs to this test, which has not ended it
    // yet.
    #[expect(unsafe_code, reason = "std sends no signals but KILL")]
    let sent = unsafe { libc::kill(life.pid as i32, signal) };
    assert_eq!(sent, 0, "{life:?}");
}

fn is_halted(life: &Life) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", life.pid)).unwrap();
    status.contains("State:\tT")
}

struct Helpers {
    owner: Owner,
    warden: Life,
    guards: [Life; 2],
}

impl Helpers {
    fn start() -> Helpers {
        let owner = Owner::start("stubborn", "wait");
        let guards = [owner.services[0], owner.services[1]].map(parent);
        let life = |pid| Life::of(pid).unwrap();
        Helpers {
            warden: life(parent(guards[0])),
            guards: guards.map(life),
            owner,
        }
    }

    /// Kills the owner, and checks that nothing is left.
    fn end(self) {
        let (lives, dir) = (self.owner.lives(), self.owner.dir.clone());
        self.owner.signal(libc::SIGKILL, false);
        for life in &lives {
            eventually(&format!("{life:?} ends"), || !life.goes_on());
        }
        eventually("its files are removed", || !dir.exists());
    }
}

#[test]
fn guards_go_on_and_end_their_services() {
    let helpers = Helpers::start();
    for guard in &helpers.guards {
        halt(guard);
        eventually("the warden has it go on", || !is_halted(guard));
    }
    helpers.guards.iter().for_each(halt);
    helpers.end();
}

#[test]
fn a_warden_goes_on_when_its_owner_has_ended() {
    let helpers = Helpers::start();
    halt(&helpers.warden);
    eventually("it is halted", || is_halted(&helpers.warden));
    // The halted warden can't continue this guard.
    halt(&helpers.guards[0]);
    eventually("it is halted", || is_halted(&helpers.guards[0]));
    helpers.end();
}

#[test]
#[ignore = "another test runs it, and kills it"]
fn run_by_another_during_a_command() {
    let note = ["sh", "-c", "echo $$ >\"$NOTE\"; exec sleep 1000"];
    let _ = SimpleExecutor::new("sleep 1000")
        .before(note)
        .timeout("1h")
        .start();
}

#[test]
fn a_warden_goes_on_when_its_owner_has_ended_during_a_command() {
    let dir = TempDir::new();
    let note = dir.file("note");
    let mut owner = Command::new(std::env::current_exe().unwrap());
    owner
        .args([
            "--exact",
            "--ignored",
            "halted::run_by_another_during_a_command",
        ])
        .env("NOTE", &note)
        .stdout(Stdio::null());
    let mut owner = Group::spawn(&mut owner);
    let noted = || fs::read_to_string(&note).ok()?.trim().parse().ok();
    eventually("the command runs", || noted().is_some());
    let command = noted().unwrap();
    let guard = parent(command);
    let lives = [command, guard, parent(guard)].map(|pid| Life::of(pid).unwrap());
    let warden = &lives[2];
    let _killed = Killed(warden.clone());
    halt(warden);
    eventually("it is halted", || is_halted(warden));
    owner.kill().unwrap();
    owner.wait().unwrap();
    for life in &lives {
        eventually(&format!("{life:?} ends"), || !life.goes_on());
    }
}
