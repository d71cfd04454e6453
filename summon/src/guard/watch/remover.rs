//! A remover: it removes the container of a guard that was killed.

use std::io;
use std::time::{Duration, Instant};

use rustix::process::Pid;

use super::container::Engine;
use super::wake;
use crate::guard::clients::Clients;
use crate::guard::dispositions;
use crate::guard::protocol::request::Remover;
use crate::guard::title::Title;
use crate::sys::ending;
use crate::sys::exit;
use crate::sys::family::ChildEnds;

/// How long to wait for the engine's clients. The warden kills them after that.
const CLIENTS_LIMIT: Duration = Duration::from_secs(30);
/// The pause between two looks at one whose end can't be watched.
const PAUSE: Duration = Duration::from_millis(20);

/// Removes the container in this process, a child of `warden`, and ends the process.
pub(in crate::guard) fn run(remover: &Remover, clients: &Clients, warden: Pid) -> ! {
    Title::Remover(&remover.program.name).set();
    // A container that stays after all has labels: a later run finds it.
    let _ = remove(remover, clients, warden);
    // A halted warden would not clean up after the owner.
    wake(warden);
    exit::now(0);
}

fn remove(remover: &Remover, clients: &Clients, warden: Pid) -> io::Result<()> {
    // As a guard: Ctrl-C in the terminal does not reach the engine's client.
    rustix::process::setsid()?;
    let child_ended = ChildEnds::of_guard(dispositions::notice_children()?)?;
    let mut engine = Engine {
        program: &remover.program,
        child_ended: &child_ended,
        recorder: None,
    };
    let until = Instant::now() + CLIENTS_LIMIT;
    let warden = warden.as_raw_nonzero().get() as u32;
    loop {
        // Before the removal: a client that lives may still create the container after it.
        let is_last = clients.any(warden).is_none() || Instant::now() >= until;
        let _ = engine.remove(&remover.removal, false);
        if is_last {
            return Ok(());
        }
        while let Some(client) = clients.any(warden).filter(|_| Instant::now() < until) {
            let ended = ending::of(client).and_then(ending::watch);
            if ended.and_then(|it| it.wait(until)).is_err() {
                engine.rest(PAUSE);
            }
        }
    }
}
