//! Containers of this machine: their main processes, and the sockets in their networks.

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::thread;

use rustix::thread::LinkNameSpaceType;

use super::diag::Diag;
use super::proc::{self, Holds, SocketId};
use super::{listeners, proc_net, process_tree, text, unix_sockets};
use crate::sys::listeners::{ListeningSocket, Protocol};
use crate::sys::signal::Disposition;

/// Returns the processes that run now. A container that is made later has none of them.
pub(crate) fn processes() -> Vec<u32> {
    process_tree::all().unwrap_or_default()
}

/// Finds the main process of the container with this id, which is not among the `older` processes.
///
/// The engine puts the id into the name of the control group, and the main process is the first one of
/// its pid namespace.
pub(crate) fn main_process(id: &str, older: &[u32]) -> Option<u32> {
    let new = processes().into_iter().filter(|pid| !older.contains(pid));
    new.into_iter().find(|pid| is_main(*pid, id))
}

/// Returns whether a process is in the container.
pub(crate) fn has(id: &str, pid: u32) -> bool {
    let groups = text::read(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    !id.is_empty() && groups.windows(id.len()).any(|part| part == id.as_bytes())
}

/// Says whether a process of the container holds a socket.
pub(crate) fn holds_socket(id: &str, inode: SocketId) -> io::Result<Holds> {
    let mut answer = Holds::No;
    for pid in processes().into_iter().filter(|pid| has(id, *pid)) {
        match proc::holds_socket(pid, inode)? {
            Holds::Yes => return Ok(Holds::Yes),
            Holds::Unknown => answer = Holds::Unknown,
            Holds::No => {}
        }
    }
    Ok(answer)
}

/// Returns whether a process is still the main process of the container.
pub(crate) fn is_main(pid: u32, id: &str) -> bool {
    if !has(id, pid) {
        return false;
    }
    let of = |file: &str| text::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
    // `NSpid:	4423	1`: the pid in each namespace, the innermost last (`proc_pid_status(5)`).
    let status = of("status");
    let mut lines = status.split(|byte| *byte == b'\n');
    let pids = lines.find_map(|line| line.strip_prefix(b"NSpid:"));
    let pids = pids.and_then(|pids| std::str::from_utf8(pids).ok());
    let mut pids = pids.unwrap_or_default().split_whitespace().rev();
    pids.next() == Some("1") && pids.next().is_some()
}

/// Returns whether the main process of a container has been exec'ed. Before that it is the runtime's.
pub(crate) fn runs_its_program(pid: u32) -> bool {
    // A runtime forks this process from its own. Its short name tells too late that it is the runtime's:
    // runc's first process of a container has the name of its parent at first.
    proc::has_execed(pid).unwrap_or(false)
}

/// Finds out what a process does with a signal.
pub(crate) fn disposition(pid: u32, signal: i32) -> Disposition {
    let Ok(status) = text::read(format!("/proc/{pid}/status")) else {
        return Disposition::Handled;
    };
    let status = String::from_utf8_lossy(&status);
    let bit = 1_u64.checked_shl(signal as u32 - 1).unwrap_or_default();
    // `SigCgt:	0000000000014002`, with a bit for each signal, beginning with number 1.
    let has = |name: &str| {
        let mask = status.lines().find_map(|line| line.strip_prefix(name));
        let mask = u64::from_str_radix(mask.unwrap_or_default().trim(), 16);
        mask.map_or(true, |mask| mask & bit != 0)
    };
    match (has("SigIgn:") || has("SigCgt:"), has("SigBlk:")) {
        (true, _) => Disposition::Handled,
        (false, true) => Disposition::Blocked,
        (false, false) if waits_for_signals(pid) => Disposition::Handled,
        (false, false) => Disposition::Default,
    }
}

/// Returns whether a process waits for signals by `sigwait(3)`, as init programs do. While it waits, the
/// kernel does not show these signals as blocked, and yet they reach it.
fn waits_for_signals(pid: u32) -> bool {
    let of = |file: &str| text::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
    // The function of the kernel in which it sleeps (`proc_pid_wchan(5)`).
    let place = of("wchan");
    if ![&b""[..], b"0"].contains(&place.trim_ascii()) {
        return String::from_utf8_lossy(&place).contains("sigtimedwait");
    }
    // It does not sleep, or the kernel does not say where: it may be another user's. Then only its name can tell.
    let name = of("comm");
    [&b"docker-init"[..], b"tini", b"tini-static", b"dumb-init"].contains(&name.trim_ascii())
}

/// A view into the network of a container. It stays when the process of the container ends.
#[derive(Debug)]
pub(crate) enum Inside {
    /// A socket that was made there. The kernel answers for the namespace of the socket.
    Asked(Diag),
    /// The tables that the kernel shows of this process's network.
    Tables(u32),
}

impl Inside {
    /// Opens the view into the network of a process.
    pub(crate) fn of(pid: u32) -> io::Result<Inside> {
        let network = fs::File::open(format!("/proc/{pid}/ns/net"));
        let asked = network.and_then(|network| {
            // `setns(2)` changes one thread, so a thread of its own enters the namespace.
            thread::scope(|scope| {
                let enter = || {
                    let network_kind = Some(LinkNameSpaceType::Network);
                    rustix::thread::move_into_link_name_space(network.as_fd(), network_kind)?;
                    Diag::open()
                };
                let thread = thread::Builder::new().spawn_scoped(scope, enter)?;
                let gone = |_| Err(io::ErrorKind::Other.into());
                thread.join().unwrap_or_else(gone)
            })
        });
        match asked {
            // Without netlink, the tables of that thread have gone with it.
            Ok(diag) if diag.netlink().is_some() => Ok(Inside::Asked(diag)),
            Ok(_) => Inside::by_tables(pid),
            Err(error) if crate::sys::is_shortage(&error) => Err(error),
            // Only root may enter the namespace, but others may read its tables.
            Err(_) => Inside::by_tables(pid),
        }
    }

    fn by_tables(pid: u32) -> io::Result<Inside> {
        proc_net::check_of(pid)?;
        Ok(Inside::Tables(pid))
    }

    /// Lists the sockets in the container that serve a port.
    pub(crate) fn listeners(
        &self,
        port: u16,
        protocol: Protocol,
    ) -> io::Result<Vec<ListeningSocket>> {
        match self {
            Inside::Asked(diag) => listeners::on_port(diag, port, protocol),
            Inside::Tables(pid) => proc_net::listeners_of(*pid, port, protocol),
        }
    }

    /// Returns whether a socket in the container serves the file at `path` with this inode. `None` if the
    /// kernel does not tell.
    pub(crate) fn serves(&self, path: &Path, file: u64) -> io::Result<Option<bool>> {
        let Inside::Asked(diag) = self else {
            return Ok(None);
        };
        let found = unix_sockets::at_path(diag, path, file)?;
        Ok(Some(found.iter().any(|it| it.is_certain)))
    }

    /// Returns whether a look costs so much that it should be rare.
    pub(crate) fn is_costly(&self) -> bool {
        matches!(self, Inside::Tables(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sockets_of_a_network_are_seen_both_ways() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let own = std::process::id();
        for inside in [Inside::of(own).unwrap(), Inside::Tables(own)] {
            let seen = inside.listeners(port, Protocol::Tcp).unwrap();
            assert_eq!(seen.len(), 1, "{inside:?}");
            assert_eq!(seen[0].addr, socket.local_addr().unwrap());
        }
    }

    #[test]
    fn what_a_process_does_with_a_signal_is_seen() {
        // A Rust program ignores SIGPIPE.
        let own = std::process::id();
        assert_eq!(disposition(own, libc::SIGPIPE), Disposition::Handled);
        // This process blocks all signals while it starts a thread, so a program without threads is asked.
        let mut program = std::process::Command::new("cat");
        let mut program = program.stdin(std::process::Stdio::piped()).spawn().unwrap();
        let seen = disposition(program.id(), libc::SIGWINCH);
        // It ends with its input.
        drop(program.stdin.take());
        program.wait().unwrap();
        assert_eq!(seen, Disposition::Default);
    }

    #[test]
    fn a_process_that_is_yet_to_be_execed_is_told_from_one_that_was() {
        // The shell forks a process for the brackets, which runs no program. Both end with the input.
        let script = "(read _ <&3; exit) 3<&0 & echo $!; wait";
        let mut shell = std::process::Command::new("sh")
            .args(["-c", script])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut forked = String::new();
        let output = shell.stdout.take().unwrap();
        io::BufRead::read_line(&mut io::BufReader::new(output), &mut forked).unwrap();
        let seen = [forked.trim().parse().unwrap(), shell.id()].map(runs_its_program);
        drop(shell.stdin.take());
        shell.wait().unwrap();
        assert_eq!(seen, [false, true]);
    }

    #[test]
    fn no_process_outside_of_a_container_is_its_main_process() {
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap();
        let own = groups.lines().next().unwrap();
        assert!(!is_main(std::process::id(), own));
        assert_eq!(main_process("no such container", &[]), None);
    }
}
