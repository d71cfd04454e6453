//! How to start this executable again.

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

/// The kernel's link to the file that this process executes. It leads to that very file, even if
/// its name was deleted or given to another file.
const EXECUTED: &str = "/proc/self/exe";
/// The same link, by a name that emulators and checkers do not intercept. They answer [`EXECUTED`]
/// in place of the kernel, as if the kernel executed their program.
const REALLY_EXECUTED: &str = "/proc/thread-self/exe";

/// The variable that lists the libraries to load first (`ld.so(8)`).
const PRELOAD: &str = "LD_PRELOAD";

/// Returns commands that start this executable again, the surest first. The caller adds arguments.
///
/// QEMU, valgrind, or the dynamic loader may run the program. Then the kernel's link leads to them.
/// The code may also be in a library that another program has loaded.
pub(crate) fn again() -> io::Result<Vec<Command>> {
    let Ok(executed) = fs::read_link(EXECUTED) else {
        // Without `/proc` the start fails, and `why_not` explains it.
        return Ok(vec![copy(Path::new(EXECUTED))]);
    };
    let tool = fs::read_link(REALLY_EXECUTED)
        .ok()
        .filter(|it| *it != executed);
    // Under a tool the kernel's link leads to the tool, so name the program by its path. Otherwise
    // the link is surer: it survives a `cargo build` that replaces the file during the test.
    let executable = tool.as_ref().map_or(Path::new(EXECUTED), |_| &executed);
    // Starting the executed file would not help if it only loads this library later: the library's
    // constructor must run before that program's `main`.
    let Some(library) = library(&executed) else {
        let mut ways = vec![copy(executable)];
        // Without a rule in `binfmt_misc` the kernel can't run a program for another processor. The
        // second command therefore starts QEMU with its own options, and then the program.
        if tool.is_some_and(|it| emulator::is_one(&name(&it))) {
            let mut emulated = copy(Path::new(REALLY_EXECUTED));
            let line = fs::read("/proc/thread-self/cmdline").unwrap_or_default();
            emulated.args(words_before(&line, &executed)).arg(&executed);
            ways.push(emulated);
        }
        return Ok(ways);
    };
    let mut command = copy(executable);
    // The dynamic loader was started as a program (`ld.so(8)`), so repeat its options. Its file has
    // a name such as `ld-linux-x86-64.so.2` or `ld-musl-x86_64.so.1`.
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

/// Returns the preloaded libraries without fakeroot's. That library asks a server about files. The
/// server ends with the test process, and a process that asks it afterwards is ended.
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

/// Makes a command load a library before `main`, so that the library's constructor runs there.
fn preload(library: &Path, command: &mut Command) -> io::Result<()> {
    let opened = |path: &Path, flags| {
        rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC | flags, Mode::empty())
            .map_err(|error| preload_failed(library, &error.into()))
    };
    let file = opened(library, OFlags::empty())?;
    let mut path = library.to_owned();
    if !can_be_listed(&path) {
        // Name the library by a descriptor. Prefer the descriptor of its directory: the library may
        // look for others beside itself (`$ORIGIN` in `ld.so(8)`).
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

/// Whether a path survives in `LD_PRELOAD`. Blanks and colons separate the libraries there, and a
/// dollar sign begins a variable.
fn can_be_listed(path: &Path) -> bool {
    let bytes = path.as_os_str().as_bytes();
    !bytes
        .iter()
        .any(|byte| byte.is_ascii_whitespace() || b":$\x0b".contains(byte))
}

/// Makes a command inherit a descriptor, and returns the path that the file has there.
fn hand_down(fd: &OwnedFd, command: &mut Command) -> io::Result<PathBuf> {
    // `Command` replaces descriptors 0 to 2 in the child, so take a higher one. It stays
    // close-on-exec in this process: a program that another thread starts meanwhile must not
    // inherit it. The child clears the flag in its own copy, after the fork.
    let fd = rustix::io::fcntl_dupfd_cloexec(fd, 3)?;
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    // SAFETY: after a fork in a process with threads, only async-signal-safe functions may run
    // (`fork(2)`). The closure calls `fcntl`, which is one (`signal-safety(7)`), and allocates
    // nothing.
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

/// Returns the library that contains this code. Returns `None` if the program itself does.
fn library(executed: &Path) -> Option<PathBuf> {
    let mapped = own_file()?;
    // The kernel writes a line feed in a path as `\012` (`proc_pid_maps(5)`), and escapes nothing
    // else.
    let escaped = executed.as_os_str().as_bytes().split(|byte| *byte == b'\n');
    if mapped == escaped.collect::<Vec<_>>().join(&b"\\012"[..]) {
        return None;
    }
    // A path may contain the four characters `\012` themselves, so try the text as it is first.
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

/// Returns the file that contains this code, as the kernel writes the path of its mapping.
fn own_file() -> Option<Vec<u8>> {
    // The address of this function is in the mapping of the file that contains it.
    let here = own_file as *const () as usize;
    let maps = fs::read("/proc/self/maps").ok()?;
    maps.split(|byte| *byte == b'\n').find_map(|line| {
        // The path comes last, and may contain blanks (`proc_pid_maps(5)`).
        let mut fields = line.splitn(6, |byte| *byte == b' ');
        let range = std::str::from_utf8(fields.next()?).ok()?;
        let (start, end) = range.split_once('-')?;
        let address = |text| usize::from_str_radix(text, 16).ok();
        let is_here = (address(start)?..address(end)?).contains(&here);
        let path = fields.nth(4)?.trim_ascii_start();
        is_here.then(|| path.to_owned())
    })
}

/// Returns the words of a command line between the tool and the program: the tool's options.
fn words_before(line: &[u8], program: &Path) -> Vec<OsString> {
    let words: Vec<&OsStr> = line
        .split(|byte| *byte == 0)
        .map(OsStr::from_bytes)
        .collect();
    // Compare canonical paths: the line has the path as it was typed, the kernel's link has none of
    // its symbolic links.
    let is_program = |word: &&OsStr| fs::canonicalize(word).is_ok_and(|path| path == program);
    let at = words.iter().skip(1).position(is_program);
    let before = words.iter().skip(1).take(at.unwrap_or_default());
    before.map(|word| (*word).to_owned()).collect()
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Whether the kernel executes this program in secure mode (`AT_SECURE` in `getauxval(3)`): because
/// of a set-user-id or set-group-id file, file capabilities, or a security module. Then its
/// environment and its descriptors come from another user.
pub(crate) fn is_privileged() -> bool {
    // SAFETY: `getauxval` takes a number, and reads the vector that the kernel gave this process.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// The section of functions that run before `main`.
pub(crate) const CONSTRUCTORS: &str = ".init_array";

/// Explains why the executable can't be started, if the error does not.
pub(crate) fn why_not(error: &io::Error) -> Option<&'static str> {
    // A guard also needs `/proc`, to find the descendants.
    let is_unmounted = error.kind() == io::ErrorKind::NotFound && !Path::new("/proc/self").exists();
    is_unmounted.then_some("`/proc` is not mounted")
}

/// Closes every descriptor from `first` on. Code in the test process may have opened files without
/// close-on-exec.
pub(crate) fn close_from(first: u32) {
    // An inherited end of a pipe, for one, would keep its reader from seeing end of file after the
    // test process has ended.
    //
    // SAFETY: the caller is the copy before `main`, where no value owns these descriptors.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) };
    if closed == 0 {
        return;
    }
    // Kernels before 5.9 lack `close_range(2)`. List first, then close: the listing itself uses one
    // of these descriptors.
    let Ok(entries) = fs::read_dir("/proc/self/fd") else {
        return;
    };
    let open: Vec<i32> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|fd: &i32| *fd >= first as i32)
        .collect();
    for fd in open {
        // SAFETY: as above. The listing's own descriptor is closed by now. This process has one
        // thread, so its number belongs to no new file, and closing it again only fails with
        // `EBADF`.
        unsafe { libc::close(fd) };
    }
}
