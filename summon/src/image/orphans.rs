//! Removes containers that an earlier run has left: its guard removes them, unless the engine does not
//! answer.
//!
//! Labels tell whose container it is. Only a container of this machine's boot and pid namespace, whose
//! test process has ended and whose session no guard uses, is an orphan. Other machines may use the same
//! engine.

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

/// Returns the command that lists the containers of this boot and pid namespace.
fn question(kind: Kind) -> Vec<OsString> {
    let label = |name: &str| match kind {
        Kind::Docker => format!("{{{{.Label \"summon.{name}\"}}}}"),
        Kind::Podman => format!("{{{{index .Labels \"summon.{name}\"}}}}"),
    };
    let format = ["owner", "identity", "session"].map(label).join("|");
    let mut args = vec!["ps".into(), "-a".into(), "--no-trunc".into()];
    for (name, value) in [("boot", proc::boot()), ("namespace", proc::namespace())] {
        args.push("--filter".into());
        args.push(format!("label=summon.{name}={value}").into());
    }
    args.push("--format".into());
    args.push(format!("{{{{.ID}}}}|{format}").into());
    args
}

/// Returns the id of a container if it is an orphan.
fn orphan(line: &str) -> Option<&str> {
    let mut parts = line.splitn(4, '|');
    let (id, owner, identity) = (parts.next()?, parts.next()?, parts.next()?);
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
        let line = |pid, identity, session| format!("7|{pid}|{identity}|{session}");
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
        for odd in ["", "7", "7|1|2", "7|1|2|", "7|x|2|/s", "7|1||/s"] {
            assert_eq!(orphan(odd), None, "{odd}");
        }
    }

    #[test]
    fn orphans_are_removed_and_other_containers_stay() {
        // Pid 0 is nobody's. The last container has no labels.
        let script = "cd ${0%/*}; echo \"$@\" >>asked; [ $1 != ps ] || \
            printf '1|0|1|/no/such/session\\n2|0|1|\\n3|0|1|/no/such/session\\n4|||\\n'";
        let fakes = Fakes::new("orphans", &[("podman", script)]);
        let engine = Engine {
            program: fakes.dir().join("podman"),
            kind: Kind::Podman,
            version: "4".to_owned(),
            is_rootless: false,
            system: String::new(),
        };
        remove(&engine).unwrap();
        let asked = std::fs::read_to_string(fakes.dir().join("asked")).unwrap();
        let (listing, removal) = asked.split_once('\n').unwrap();
        let boot = format!("--filter label=summon.boot={}", proc::boot());
        assert!(
            listing.contains(&boot) && listing.contains("{{index .Labels"),
            "{asked}"
        );
        assert_eq!(removal, "rm -f -v 1 3\n");
    }
}
