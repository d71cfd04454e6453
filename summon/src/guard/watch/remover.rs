//! A remover: it removes the container of a guard that was killed.

use std::io;

use rustix::process::Pid;

use super::container::Engine;
use super::wake;
use crate::guard::protocol::request::Remover;
use crate::guard::{dispositions, title};
use crate::sys::exit;
use crate::sys::family::ChildEnds;

/// Removes the container in this process, a child of `warden`, and ends the process.
pub(in crate::guard) fn run(remover: &Remover, warden: Pid) -> ! {
    title::set(&format!("summon-remover: {}", remover.program.name));
    // A container that stays after all has labels: a later run finds it.
    let _ = remove(remover);
    // A halted warden would not clean up after the owner.
    wake(warden);
    exit::now(0);
}

fn remove(remover: &Remover) -> io::Result<()> {
    // As a guard: Ctrl-C in the terminal does not reach the engine's client.
    rustix::process::setsid()?;
    let child_ended = ChildEnds::of_guard(dispositions::notice_children()?)?;
    let mut engine = Engine {
        program: &remover.program,
        child_ended: &child_ended,
        recorder: None,
    };
    // The test may start the service again at once, in a container with the same name.
    let removal = remover.removal.clone();
    let removal = match engine.id(&remover.removal) {
        Some(id) => removal.by_id(&id),
        None => removal,
    };
    let _ = engine.remove(&removal, false);
    Ok(())
}
