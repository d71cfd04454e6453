//! This executable, to be started again.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{Mode, OFlags};
use rustix::io::FdFlags;

use super::emulator;

/// The file that this process was made of, as the kernel has it: the very file, also when its name was
/// given to another one, or to none.
const EXECUTED: &str = "/proc/self/exe";
/// The same, but by a name that emulators and checkers let pass, which answer the first one in place of
/// the kernel, as if the program were executed.
const REALLY_EXECUTED: &str = "/proc/thread-self/exe";

/// The libraries that the loader loads first (`ld.so(8)`).
const PRELOAD: &str = "LD_PRELOAD";

/// How this executable can be started again, the surest way first. Arguments follow.
///
/// What was executed may not be the program: QEMU and valgrind run it, and so may the dynamic loader.
/// And the code may be that of a library, which some other program has loaded.
pub(crate) fn again() -> io::Result<Vec<Command>> {
    let Ok(executed) = fs::read_link(EXECUTED) else {
        return Ok(vec![copy(Path::new(EXECUTED))]);
    };
    let tool = fs::read_link(REALLY_EXECUTED)
        .ok()
        .filter(|it| *it != executed);
    let executable = tool.as_ref().map_or(Path::new(EXECUTED), |_| &executed);
    let Some(library) = library(&executed) else {
        let mut ways = vec![copy(executable)];
        // For a program that only QEMU can run, unless the kernel was told to leave it to QEMU.
        if tool.is_some_and(|it| emulator::is_one(&name(&it))) {
            let mut emulated = copy(Path::new(REALLY_EXECUTED));
            let line = fs::read("/proc/thread-self/cmdline").unwrap_or_default();
            emulated.args(words_before(&line, &executed)).arg(&executed);
            ways.push(emulated);
        }
        return Ok(ways);
    };
    let mut command = copy(executable);
    if name(&executed).starts_with("ld-") {
        let line = fs::read("/proc/self/cmdline").unwrap_or_default();
        command.args(words_before(&line, &library)).arg(&library);
    } else {
        preload(&library, &mut command)?;
    }
    Ok(vec![command])
}

fn copy(program: &Path) -> Command {
    let mut command = Command::new(program);
    if std::env::var_os(PRELOAD).is_some() {
        command.env(PRELOAD, preloaded());
    }
    command
}

/// What is preloaded here, but for what a copy must not have: fakeroot's library asks a server about
/// files, which ends with the test process, and then whoever asks is ended.
fn preloaded() -> OsString {
    let all = std::env::var_os(PRELOAD).unwrap_or_default();
    let libraries = all.as_bytes().split(|byte| b" :".contains(byte));
    let is_fakeroot = |path: &[u8]| {
        let mut parts = path.split(|byte| *byte == b'/');
        parts
            .next_back()
            .is_some_and(|name| name.starts_with(b"libfakeroot"))
    };
    let kept: Vec<_> = libraries.filter(|it| !is_fakeroot(it)).collect();
    OsString::from_vec(kept.join(&b':'))
}

/// Has a library loaded before `main`, as it is before the first start.
fn preload(library: &Path, command: &mut Command) -> io::Result<()> {
    let opened = |path: &Path, flags| {
        rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC | flags, Mode::empty())
            .map_err(|error| preload_failed(library, &error.into()))
    };
    let file = opened(library, OFlags::empty())?;
    let mut path = library.to_owned();
    if !can_be_listed(&path) {
        // By a descriptor. That of the directory if it will do: the library may look for others beside
        // itself (`$ORIGIN` in `ld.so(8)`).
        let name = library.file_name().unwrap_or_default();
        let (fd, name) = match can_be_listed(Path::new(name)) {
            true => {
                let dir = library.parent().unwrap_or(library);
                (opened(dir, OFlags::DIRECTORY)?, Some(name))
            }
            false => (file, None),
        };
        path = hand_down(&fd, command).map_err(|error| preload_failed(library, &error))?;
        path.extend(name);
    }
    let all = [path.as_os_str(), &preloaded()].join(OsStr::new(":"));
    command.env(PRELOAD, all);
    Ok(())
}

/// Whether a path survives in `LD_PRELOAD`: blanks and colons separate the libraries there, and a
/// dollar sign begins a variable.
fn can_be_listed(path: &Path) -> bool {
    let bytes = path.as_os_str().as_bytes();
    !bytes
        .iter()
        .any(|byte| byte.is_ascii_whitespace() || b":$\x0b".contains(byte))
}

/// Has a command inherit a descriptor, and says the path that it has there.
fn hand_down(fd: &OwnedFd, command: &mut Command) -> io::Result<PathBuf> {
    // Above the standard streams, which the command gets others of.
    let fd = rustix::io::fcntl_dupfd_cloexec(fd, 3)?;
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    // SAFETY: the closure makes one system call, which the child of a process with threads may make.
    unsafe {
        command.pre_exec(move || Ok(rustix::io::fcntl_setfd(&fd, FdFlags::empty())?));
    }
    Ok(path.into())
}

fn preload_failed(library: &Path, error: &io::Error) -> io::Error {
    let library = library.display();
    io::Error::new(
        error.kind(),
        format!("the library `{library}`, which has summon in it, can't be loaded again: {error}"),
    )
}

/// The library that this code is in, if it is not in the program itself.
fn library(executed: &Path) -> Option<PathBuf> {
    let mapped = own_file()?;
    // A line feed would end the line (`proc_pid_maps(5)`).
    let escaped = executed.as_os_str().as_bytes().split(|byte| *byte == b'\n');
    if mapped == escaped.collect::<Vec<_>>().join(&b"\\012"[..]) {
        return None;
    }
    let path = Path::new(OsStr::from_bytes(&mapped));
    if path.exists() {
        return Some(path.to_owned());
    }
    let text = unescaped(&mapped);
    Some(OsStr::from_bytes(&text).into())
}

fn unescaped(mapped: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut rest = mapped;
    while let Some((first, behind)) = rest.split_first() {
        let line_feed = rest.strip_prefix(b"\\012");
        text.push(line_feed.map_or(*first, |_| b'\n'));
        rest = line_feed.unwrap_or(behind);
    }
    text
}

/// The file that this code is in, by what is mapped where the code is, as the kernel writes it.
fn own_file() -> Option<Vec<u8>> {
    let here = own_file as *const () as usize;
    let maps = fs::read("/proc/self/maps").ok()?;
    maps.split(|byte| *byte == b'\n').find_map(|line| {
        let mut fields = line.splitn(6, |byte| *byte == b' ');
        let range = std::str::from_utf8(fields.next()?).ok()?;
        let (start, end) = range.split_once('-')?;
        let address = |text| usize::from_str_radix(text, 16).ok();
        let is_here = (address(start)?..address(end)?).contains(&here);
        let path = fields.nth(4)?.trim_ascii_start();
        is_here.then(|| path.to_owned())
    })
}

/// The options on a command line that come before the name of a program.
fn words_before(line: &[u8], program: &Path) -> Vec<OsString> {
    let words: Vec<&OsStr> = line
        .split(|byte| *byte == 0)
        .map(OsStr::from_bytes)
        .collect();
    let is_program = |word: &&OsStr| fs::canonicalize(word).is_ok_and(|path| path == program);
    let at = words.iter().skip(1).position(is_program);
    let before = words.iter().skip(1).take(at.unwrap_or_default());
    before.map(|word| (*word).to_owned()).collect()
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Whether it was started with privileges that its file has, or that somebody else's rules gave it: a
/// set-user-id or set-group-id file, file capabilities, a security module (`AT_SECURE` in
/// `getauxval(3)`). Then its environment and its descriptors are a stranger's.
pub(crate) fn is_privileged() -> bool {
    // SAFETY: it takes a number, and reads what the kernel has given to this process.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// The section with what runs before `main`.
pub(crate) const CONSTRUCTORS: &str = ".init_array";

/// Why it can't be started, where the error does not say so.
pub(crate) fn why_not(error: &io::Error) -> Option<&'static str> {
    // Nor could a guard follow descendants without it.
    let is_unmounted = error.kind() == io::ErrorKind::NotFound && !Path::new("/proc/self").exists();
    is_unmounted.then_some("`/proc` is not mounted")
}

/// Closes every descriptor from `first` on: what some code in the test process opened without
/// close-on-exec is not for us.
pub(crate) fn close_from(first: u32) {
    // SAFETY: the caller is the copy before `main`, in which nobody owns those descriptors.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) };
    if closed == 0 {
        return;
    }
    // A kernel before 5.9.
    let Ok(entries) = fs::read_dir("/proc/self/fd") else {
        return;
    };
    let open: Vec<i32> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|fd: &i32| *fd >= first as i32)
        .collect();
    for fd in open {
        // SAFETY: as above; the descriptor of the listing itself is closed by now, and closing
        // it again does no harm in a process of one thread.
        unsafe { libc::close(fd) };
    }
}
