//! Nothing of a container outlives the run: no process, no network, no volume, no rule of the firewall.
//!
//! `IMAGE_ROUNDS=20` repeats each death 20 times.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use crate::engine::{answer, containers, engine};
use crate::owner::{
    MARK, containers_of, find, kill_all, marked, owner, owner_below, processes, until_ready,
};
use crate::support::{Group, TempDir, copy_program, eventually};

#[derive(Clone, Copy, PartialEq)]
enum Death {
    ByItself(&'static str),
    Signal(i32),
    SignalToGroup(i32),
    /// KILL to the guard of the container.
    OfGuard,
    OfGuardAndOwner,
    OfWardenAndOwner,
    /// KILL to the runner. The test process goes on, and has the container as a fixture of the run.
    OfRunner,
}

macro_rules! survivors {
    ($($service:ident { $($name:ident: $death:expr,)* })*) => {$(
        mod $service {
            use super::*;
            $(
                #[test]
                #[cfg_attr(
                    not(has_images),
                    ignore = "needs an engine with the images of `tests/run images`"
                )]
                fn $name() {
                    let rounds = std::env::var("IMAGE_ROUNDS").map_or(1, |it| it.parse().unwrap());
                    for round in 0..rounds {
                        let mark = format!("{}-{}-{}-{round}", std::process::id(), stringify!($service), stringify!($name));
                        survives_nothing(stringify!($service), $death, &mark);
                    }
                }
            )*
        }
    )*};
    ($($service:ident)*) => {
        survivors! {$($service {
            after_return: Death::ByItself("return"),
            after_exit: Death::ByItself("exit"),
            after_abort: Death::ByItself("abort"),
            after_panic: Death::ByItself("panic"),
            after_sigterm: Death::Signal(libc::SIGTERM),
            after_sigint_to_its_group: Death::SignalToGroup(libc::SIGINT),
            after_sigkill: Death::Signal(libc::SIGKILL),
            after_sigkill_to_its_group: Death::SignalToGroup(libc::SIGKILL),
            after_sigkill_of_its_guard: Death::OfGuard,
            after_sigkill_of_its_guard_and_its_test: Death::OfGuardAndOwner,
            after_sigkill_of_its_warden_and_its_test: Death::OfWardenAndOwner,
            after_sigkill_of_the_runner: Death::OfRunner,
        })*}
    };
}

survivors!(plain stubborn daemon);

/// Returns the script of a service, which serves port 80.
fn script(service: &str) -> &'static str {
    match service {
        "plain" => "trap 'exit 0' TERM; actor listen 0.0.0.0:80 & wait",
        // Its children ignore the stop signal, too.
        "stubborn" => "trap '' TERM; actor listen 0.0.0.0:80 & sleep 1000; true",
        _ => "trap 'exit 0' TERM; actor daemon ignore exit 0; actor listen 0.0.0.0:80 & wait",
    }
}

fn survives_nothing(service: &str, death: Death, mark: &str) {
    let dir = TempDir::new();
    let mut command = match death {
        Death::ByItself(word) => owner(script(service), word),
        Death::OfRunner => {
            let cargo = dir.file("cargo");
            copy_program("/bin/sh", &cargo);
            owner_below(&cargo, script(service), "share")
        }
        _ => owner(script(service), "wait"),
    };
    let mut child = Group::spawn(command.env(MARK, mark));
    let (owner, port) = until_ready(&mut child);
    let left = Left::of(owner, port);
    let guard = || find(mark, "summon-guard: server").pid;
    match death {
        Death::ByItself(_) => drop(child.stdin.take()),
        Death::Signal(signal) => send(owner as i32, signal),
        Death::SignalToGroup(signal) => send(-(owner as i32), signal),
        Death::OfGuard => kill_all(&[guard()]),
        Death::OfGuardAndOwner => kill_all(&[guard(), owner]),
        Death::OfWardenAndOwner => kill_all(&[find(mark, "summon-warden").pid, owner]),
        Death::OfRunner => kill_all(&[child.id()]),
    }
    // Before the test process ends, if that was not killed.
    left.is_gone();
    if death == Death::OfGuard {
        kill_all(&[owner]);
    }
    drop(child.stdin.take());
    child.wait().unwrap();
    eventually("all its processes end", || marked(mark).is_empty());
}

fn send(pid: i32, signal: i32) {
    // SAFETY: the child was not reaped yet, so the pid is its own.
    #[expect(unsafe_code, reason = "std sends only KILL")]
    let sent = unsafe { libc::kill(pid, signal) };
    assert_eq!(sent, 0);
}

/// The traces of a container.
struct Left {
    owner: u32,
    port: u16,
    id: String,
    /// The anonymous volume.
    volume: String,
    /// The inode of the network namespace.
    network: u64,
}

impl Left {
    fn of(owner: u32, port: u16) -> Left {
        let containers = containers_of(owner);
        let name = containers.split(' ').next().unwrap();
        let format = "{{.Id}} {{.State.Pid}}{{range .Mounts}} {{.Name}}{{end}}";
        let inspect = || answer(&["container", "inspect", "--format", format, name]);
        // A server is ready before Docker has written down that its container runs.
        eventually("the engine tells the pid", || !inspect().contains(" 0 "));
        let inspected = inspect();
        let parts: Vec<&str> = inspected.split_whitespace().collect();
        let [id, pid, volume] = parts[..] else {
            panic!("the container has not one volume: {inspected}");
        };
        let pid: u32 = pid.parse().unwrap();
        let left = Left {
            owner,
            port,
            id: id.to_owned(),
            volume: volume.to_owned(),
            network: network_of(pid).unwrap(),
        };
        assert!(left.has_volume() && left.has_network());
        // Otherwise nothing below would be seen.
        assert!(!may_see_rules() || left.has_rules());
        left
    }

    fn is_gone(&self) {
        eventually("its container is removed", || {
            containers(&format!("id={}", self.id)).is_empty()
                && containers_of(self.owner).is_empty()
        });
        eventually("its volume is removed", || !self.has_volume());
        eventually("its network and its processes end", || !self.has_network());
        eventually("the rules of the firewall are removed", || {
            !self.has_rules()
        });
        eventually("its port is usable", || self.has_usable_port().is_some());
    }

    /// Returns whether the engine has the volume. Podman fails to list all volumes while another test's is removed.
    fn has_volume(&self) -> bool {
        let mut inspect = Command::new(engine());
        inspect.args(["volume", "inspect", &self.volume]);
        let inspected = inspect.output().unwrap();
        let said = String::from_utf8_lossy(&inspected.stderr).to_lowercase();
        inspected.status.success() || !said.contains("no such volume")
    }

    /// Returns whether a process is in the network namespace, or a file keeps it.
    fn has_network(&self) -> bool {
        let files = ["/run/docker/netns", "/run/netns"].map(std::fs::read_dir);
        let mut files = files.into_iter().flatten().flatten().flatten();
        let mut pids = processes();
        let is_it = |inode: Option<u64>| inode == Some(self.network);
        files.any(|it| is_it(std::fs::metadata(it.path()).ok().map(|it| it.ino())))
            || pids.any(|pid| is_it(network_of(pid)))
    }

    /// Returns whether the firewall has a rule for the port or the container.
    fn has_rules(&self) -> bool {
        let port = self.port.to_string();
        let rules = ["iptables-save", "iptables-legacy-save"].map(rules);
        rules.concat().lines().any(|rule| {
            let mut words = rule.split(|it: char| !it.is_ascii_alphanumeric());
            rule.starts_with("-A") && words.any(|word| word == port || word == self.id)
        })
    }

    /// Listens at the port, and connects.
    fn has_usable_port(&self) -> Option<()> {
        let addr = (Ipv4Addr::LOCALHOST, self.port);
        let listener = TcpListener::bind(addr).ok()?;
        let client = TcpStream::connect(addr).ok()?;
        listener.set_nonblocking(true).ok()?;
        let (_, peer) = listener.accept().ok()?;
        (peer == client.local_addr().ok()?).then_some(())
    }
}

fn network_of(pid: u32) -> Option<u64> {
    let namespace = std::fs::metadata(format!("/proc/{pid}/ns/net"));
    Some(namespace.ok()?.ino())
}

/// Returns the rules of the firewall, as far as this user may see them.
fn rules(program: &str) -> String {
    // Some users have no `/usr/sbin` in PATH.
    let listed = Command::new(format!("/usr/sbin/{program}")).output();
    listed.map_or_else(
        |_| String::new(),
        |it| String::from_utf8_lossy(&it.stdout).into_owned(),
    )
}

fn may_see_rules() -> bool {
    !rules("iptables-save").is_empty()
}
