//! Facts about other processes from `/proc` (`proc(5)`). Each was true for a moment, so callers
//! look again before they report an error.
//!
//! Names are bytes: a process chooses any name, and the kernel cuts a long name after 15 bytes,
//! even in the middle of a character.

use std::fs;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) use super::process_tree::{children, descendants, is_below, is_service_busy, service};
pub(crate) use super::socket_holders::{
    Holds, SocketId, connections_left, holder_of_socket, holds_socket, listens_in_network_of,
    sockets,
};
use super::{emulator, text};

/// Returns the parent of a process, or `None` if the process no longer exists.
pub(crate) fn parent(pid: u32) -> Option<u32> {
    stat(pid, 1)?.parse().ok()
}

/// Reads a field of `/proc/<pid>/stat`. Field 0 follows the name.
fn stat(pid: u32, field: usize) -> Option<String> {
    field_of(&format!("/proc/{pid}/stat"), field)
}

/// Returns the state of a thread, one letter (`proc_pid_stat(5)`).
pub(super) fn thread_state(pid: u32, thread: u32) -> Option<String> {
    field_of(&format!("/proc/{pid}/task/{thread}/stat"), 0)
}

fn field_of(path: &str, field: usize) -> Option<String> {
    let stat = text::read(path).ok()?;
    behind_name(&stat)?.nth(field).map(str::to_owned)
}

/// Splits the fields of a `stat` line that follow the name.
pub(super) fn behind_name(stat: &[u8]) -> Option<impl Iterator<Item = &str>> {
    // The name, in brackets, may contain blanks, brackets, and bytes that are not UTF-8. The later
    // fields have no bracket, so the last one ends the name.
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let fields = std::str::from_utf8(&stat[end + 1..]).ok()?;
    Some(fields.split_ascii_whitespace())
}

/// Returns whether a process has been exec'ed since it was forked. `None` if it no longer exists.
pub(super) fn has_execed(pid: u32) -> Option<bool> {
    /// "Forked but didn't exec", as `ps(1)` has it: PF_FORKNOEXEC in the flags of
    /// `proc_pid_stat(5)`.
    const FORKED: u32 = 0x40;
    let flags: u32 = stat(pid, 6)?.parse().ok()?;
    Some(flags & FORKED == 0)
}

/// Returns the start time of a process, in clock ticks since boot. It tells the process from
/// earlier and later ones with the same pid.
pub(crate) fn identity(pid: u32) -> Option<u64> {
    stat(pid, 19)?.parse().ok()
}

/// Returns the command line for messages, or the short name if the process has no arguments.
pub(crate) fn command_line(pid: u32) -> Option<String> {
    // A zombie and a kernel thread have an empty command line (`proc_pid_cmdline(5)`).
    let raw = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let words: Vec<_> = raw
        .split(|byte| *byte == 0)
        .filter(|word| !word.is_empty())
        .map(String::from_utf8_lossy)
        .collect();
    if words.is_empty() {
        return short_name(pid);
    }
    Some(words.join(" "))
}

/// Returns the short name, with a replacement character for bytes that are not UTF-8.
fn short_name(pid: u32) -> Option<String> {
    let name = fs::read(format!("/proc/{pid}/comm")).ok()?;
    Some(String::from_utf8_lossy(name.trim_ascii_end()).into_owned())
}

/// Returns the file names of the program that a process runs, the most certain first: its
/// executable, the program that an emulator runs, and the short name. Only the short name is
/// readable for other users' processes.
pub(crate) fn programs(pid: u32) -> Vec<String> {
    let exe = fs::read_link(format!("/proc/{pid}/exe")).ok();
    let exe = exe.map(|path| file_name(path.as_os_str().as_bytes()));
    // The kernel adds this to the path of a file without a name (`proc_pid_exe(5)`).
    let exe = exe.map(|name| name.trim_end_matches(" (deleted)").to_owned());
    let is_emulated = exe.as_deref().is_some_and(emulator::is_one);
    let line = is_emulated.then(|| fs::read(format!("/proc/{pid}/cmdline")).ok());
    let emulated = line
        .flatten()
        .and_then(|line| emulator::program(&line).map(file_name));
    // The short name is from the file that the kernel was asked to run, even if it runs an emulator
    // (`binfmt_misc`) or an interpreter instead.
    [exe, emulated, short_name(pid)]
        .into_iter()
        .flatten()
        .collect()
}

fn file_name(path: &[u8]) -> String {
    let name = path.rsplit(|byte| *byte == b'/').next();
    String::from_utf8_lossy(name.unwrap_or_default()).into_owned()
}

/// Returns the effective user of a process. The owner of `/proc/<pid>` says less: it is root if the
/// process is not dumpable (`proc(5)`).
pub(crate) fn user(pid: u32) -> Option<u32> {
    let status = fs::read(format!("/proc/{pid}/status")).ok()?;
    // The text starts with the process's name, which may be any bytes.
    let status = String::from_utf8_lossy(&status);
    let uids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    // The real uid comes first, then the effective one.
    uids.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// Returns the directory where the process looks for files with relative paths.
pub(crate) fn working_directory(pid: u32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/cwd")).ok()
}

/// Returns the id of this boot of the machine.
pub(crate) fn boot() -> String {
    // After a reboot pids and start times repeat, so an identity needs the boot as well.
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    boot.trim().to_owned()
}

/// Returns an id of this machine that outlasts a reboot, or else that of the boot (`machine-id(5)`).
pub(crate) fn machine() -> String {
    let id = fs::read_to_string("/etc/machine-id").unwrap_or_default();
    match id.trim() {
        "" => boot(),
        id => {
            // The id itself is confidential.
            let hasher = BuildHasherDefault::<DefaultHasher>::default();
            format!("{:016x}", hasher.hash_one(("summon", id)))
        }
    }
}

/// Returns the id of this process's pid namespace (`pid_namespaces(7)`).
pub(crate) fn namespace() -> String {
    let link = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    link.display().to_string()
}

/// Whether the process is a zombie, or does not exist.
pub(crate) fn has_ended(pid: u32) -> bool {
    let state = stat(pid, 0);
    state.is_none_or(|state| state == "Z" || state == "X")
}

/// Whether the process is stopped, or has ended.
pub(crate) fn is_halted(pid: u32) -> bool {
    let state = stat(pid, 0);
    // T is stopped by a signal, t by a tracer, Z a zombie, X dead (`proc_pid_stat(5)`).
    state.is_none_or(|state| ["T", "t", "Z", "X"].contains(&state.as_str()))
}

/// Returns the time that all threads of the process have spent on a processor.
pub(crate) fn processor_time(pid: u32) -> Option<Duration> {
    super::clock::of_process(pid)
}

/// Whether the process has ended, or is exiting: it may still hold files that are no longer
/// visible. A process goes on without its first thread if it has others.
pub(crate) fn is_ending(pid: u32) -> bool {
    let is_last = || {
        let threads = fs::read_dir(format!("/proc/{pid}/task"));
        let mut threads = threads.into_iter().flatten().flatten();
        threads.all(|thread| is_thread_ending(&thread.path().join("stat")))
    };
    is_thread_ending(format!("/proc/{pid}/stat").as_ref()) && is_last()
}

fn is_thread_ending(stat: &Path) -> bool {
    /// `PF_EXITING` in the kernel.
    const EXITING: u64 = 4;
    let stat = text::read(stat).unwrap_or_default();
    let Some(mut fields) = behind_name(&stat) else {
        return true;
    };
    let state = fields.next();
    // The kernel sets this flag first. Then it takes the table of descriptors from the process, so
    // `/proc` shows none, and only then closes the files. Between these steps a port looks unowned
    // and is still bound.
    let flags = fields.nth(5).and_then(|flags| flags.parse::<u64>().ok());
    state.is_none_or(|state| state == "Z" || state == "X")
        || flags.is_none_or(|flags| flags & EXITING != 0)
}

/// Whether the main thread of the process sleeps until an event. A thread that was woken does not
/// sleep, even before it gets a processor.
pub(crate) fn is_asleep(pid: u32) -> bool {
    stat(pid, 0).is_some_and(|state| state == "S")
}

/// Whether the process is in another network namespace than this one (`network_namespaces(7)`).
pub(crate) fn has_other_network(pid: u32) -> bool {
    // The link's text has the inode of the namespace, which is unique while both exist.
    let network = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/net")).ok();
    let theirs = network(&pid.to_string());
    theirs.is_some() && theirs != network("self")
}
