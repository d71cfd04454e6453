//! Nothing outlives the run, even if SIGSTOP halts summon's helper processes.

use std::fs;

use crate::support::{Life, eventually, parent};
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
