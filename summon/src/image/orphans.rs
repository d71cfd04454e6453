//! Removes containers that an earlier run has left: its guard removes them, unless the engine does not
//! answer.
//!
//! Labels tell whose container it is. A container of this machine's boot and pid namespace is an orphan if its
//! test process has ended and no guard uses its session. One of an earlier boot is an orphan if it does not
//! run. Other machines may use the same engine.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Once;
use std::thread;
use std::time::{Duration, Instant};

use super::engine::Engine;
use super::kind::Kind;
use crate::error::Error;
use crate::session::is_unused;
use crate::sys::{proc, threads};

/// The time-out of one command.
const LIMIT: Duration = Duration::from_secs(60);

/// Removes the orphans once in this process, on a thread of its own. A process that ends earlier leaves
/// them to a later one.
pub(crate) fn remove_orphans(engine: &'static Engine) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let builder = thread::Builder::new().name("summon-orphans".to_owned());
        // An engine that fails here fails the start of a container too, which then says why.
        let _ = threads::spawn(builder, || drop(remove(engine)));
    });
}

fn remove(engine: &Engine) -> Result<(), Error> {
    let until = || Instant::now() + LIMIT;
    let listed = engine.ask(&question(engine.kind()), until())?;
    let listed = String::from_utf8_lossy(&listed);
    let orphans: Vec<_> = listed.lines().filter_map(orphan).collect();
    if orphans.is_empty() {
        return Ok(());
    }
    let args = ["rm", "-f", "-v"].into_iter().chain(orphans);
    let args: Vec<_> = args.map(OsString::from).collect();
    engine.ask(&args, until()).map(drop)
}

/// Returns the command that lists the containers of this machine.
fn question(kind: Kind) -> Vec<OsString> {
    let label = |name: &str| match kind {
        Kind::Docker => format!("{{{{.Label \"summon.{name}\"}}}}"),
        Kind::Podman => format!("{{{{index .Labels \"summon.{name}\"}}}}"),
    };
    let labels = ["boot", "namespace", "owner", "identity", "session"];
    let format = labels.map(label).join("|");
    let mut args = vec!["ps".into(), "-a".into(), "--no-trunc".into()];
    args.push("--filter".into());
    args.push(format!("label=summon.machine={}", proc::machine()).into());
    args.push("--format".into());
    args.push(format!("{{{{.ID}}}}|{{{{.State}}}}|{format}").into());
    args
}

/// Returns the id of a container if it is an orphan.
fn orphan(line: &str) -> Option<&str> {
    let mut parts = line.splitn(7, '|');
    let (id, state) = (parts.next()?, parts.next()?);
    let (boot, namespace) = (parts.next()?, parts.next()?);
    if boot.is_empty() || (boot == proc::boot() && namespace != proc::namespace()) {
        return None;
    }
    if boot != proc::boot() {
        // No container runs on after a reboot.
        return (!matches!(state, "running" | "paused" | "restarting")).then_some(id);
    }
    let (owner, identity) = (parts.next()?, parts.next()?);
    // A container without a label is somebody else's.
    let session = parts.next().filter(|session| !session.is_empty())?;
    let (owner, identity) = (owner.parse().ok()?, identity.parse().ok()?);
    // A process that got the pid later has another identity.
    let is_dead = proc::identity(owner) != Some(identity);
    // The guard of a shared service outlives its test process, and holds the session.
    (is_dead && is_unused(Path::new(session))).then_some(id)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::super::fakes::Fakes;
    use super::*;

    #[test]
    fn only_a_container_that_nobody_holds_is_an_orphan() {
        let own = std::process::id();
        let identity = proc::identity(own).unwrap();
        let gone = "/no/such/session";
        let (boot, namespace) = (proc::boot(), proc::namespace());
        let here = format!("7|running|{boot}|{namespace}");
        let line = |pid, identity, session| format!("{here}|{pid}|{identity}|{session}");
        let is_orphan = |line: String| orphan(&line) == Some("7");
        assert!(is_orphan(line(own, identity + 1, gone)));
        assert!(!is_orphan(line(own, identity, gone)));
        // A directory outside of sessions, which anybody may lock.
        let dir = std::env::temp_dir().join(format!("summon-orphans-{own}"));
        std::fs::create_dir(&dir).unwrap();
        let session = dir.to_str().unwrap();
        assert!(is_orphan(line(own, identity + 1, session)));
        let base = crate::sys::dir::Dir::open(dir.parent().unwrap()).unwrap();
        let name = dir.file_name().unwrap();
        let held = base.enter_locked(name, crate::sys::Lock::Others).unwrap();
        assert!(!is_orphan(line(own, identity + 1, session)));
        drop(held);
        std::fs::remove_dir(&dir).unwrap();
        for odd in ["", "|1", "|1|2", "|1|2|", "|x|2|/s", "|1||/s"] {
            assert_eq!(orphan(&format!("{here}{odd}")), None, "{odd}");
        }
        let of_others = format!("7|exited|{boot}|pid:[1]|0|1|{gone}");
        assert_eq!(orphan(&of_others), None);
        assert_eq!(orphan("7|exited||||||"), None);
        let earlier =
            |state: &str| format!("7|{state}|earlier|{namespace}|{own}|{identity}|{gone}");
        assert!(is_orphan(earlier("exited")) && is_orphan(earlier("created")));
        // A machine with the same id, such as a copy of this one.
        assert!(!is_orphan(earlier("running")));
    }

    #[test]
    fn orphans_are_removed_and_other_containers_stay() {
        // No process has pid 0. The last container has no labels.
        let here = format!("running|{}|{}", proc::boot(), proc::namespace());
        let script = format!(
            "cd ${{0%/*}}; echo \"$@\" >>asked; [ $1 != ps ] || printf \
             '1|{here}|0|1|/no/such/session\\n2|{here}|0|1|\\n3|{here}|0|1|/no/such/session\\n4|||||\\n'"
        );
        let fakes = Fakes::new("orphans", &[("podman", &script)]);
        let engine = fakes.engine(Kind::Podman);
        remove(&engine).unwrap();
        let asked = std::fs::read_to_string(fakes.dir().join("asked")).unwrap();
        let (listing, removal) = asked.split_once('\n').unwrap();
        let machine = format!("--filter label=summon.machine={}", proc::machine());
        assert!(
            listing.contains(&machine) && listing.contains("{{index .Labels"),
            "{asked}"
        );
        assert_eq!(removal, "rm -f -v 1 3\n");
    }
}
