//! Rights that only some users have. A test asks for it when it runs, because another user may run a binary than built it.

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use crate::support::{TempDir, copy_program};

/// Returns from the test, and says so, unless this user may do each of these things: functions of
/// this module.
macro_rules! needs {
    ($($thing:ident),+) => {
        $(
            if !$crate::needs::$thing() {
                return $crate::needs::tell_that_it_is_skipped(stringify!($thing));
            }
        )+
    };
}
pub(crate) use needs;

/// Writes past the test harness, which shows the output of failed tests only.
pub(crate) fn tell_that_it_is_skipped(thing: &str) {
    let test = std::thread::current();
    let test = test.name().unwrap_or("?");
    let _ = writeln!(std::io::stderr(), "SKIPPED: {test} needs {thing}");
}

/// Whether the tests run as root.
pub(crate) fn root() -> bool {
    let status = std::fs::metadata("/proc/self").unwrap();
    std::os::unix::fs::MetadataExt::uid(&status) == 0
}

/// Whether permissions of files bind this user.
pub(crate) fn no_root() -> bool {
    !root()
}

/// Whether this user may mount file systems.
pub(crate) fn mounting() -> bool {
    static IS: OnceLock<bool> = OnceLock::new();
    *IS.get_or_init(|| works("unshare", "--mount mount -t tmpfs none /proc"))
}

/// Whether this user may make namespaces.
pub(crate) fn namespaces() -> bool {
    static IS: OnceLock<bool> = OnceLock::new();
    *IS.get_or_init(|| works("unshare", "-rn true"))
}

/// Whether this user may make network interfaces in a namespace.
pub(crate) fn interfaces() -> bool {
    static IS: OnceLock<bool> = OnceLock::new();
    *IS.get_or_init(|| works("unshare", "-rn ip link add one type veth"))
}

/// Whether a set-user-id program of root has an effect.
pub(crate) fn set_user_id() -> bool {
    static IS: OnceLock<bool> = OnceLock::new();
    let change = |copy: &Path| {
        let _ = std::fs::set_permissions(copy, Permissions::from_mode(0o4755));
    };
    *IS.get_or_init(|| gives("/usr/bin/id", &["-u"], change, "0\n"))
}

/// Whether capabilities of a file have an effect.
pub(crate) fn capabilities() -> bool {
    static IS: OnceLock<bool> = OnceLock::new();
    let change = |copy: &Path| {
        let mut command = Command::new("setcap");
        let _ = command.arg("cap_kill=ep").arg(copy).output();
    };
    let wanted = "CapEff:\t0000000000000020";
    *IS.get_or_init(|| gives("/bin/cat", &["/proc/self/status"], change, wanted))
}

fn works(program: &str, words: &str) -> bool {
    let ran = Command::new(program).args(words.split(' ')).output();
    ran.is_ok_and(|ran| ran.status.success())
}

/// Copies a program to a temporary directory, changes the copy, and returns whether a user without
/// privileges then gets the wanted output from it.
fn gives(program: &str, words: &[&str], change: impl FnOnce(&Path), wanted: &str) -> bool {
    let dir = TempDir::new();
    std::fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    let copy = dir.path().join("copy");
    copy_program(program, &copy);
    change(&copy);
    let mut command = Command::new("setpriv");
    command.args(["--reuid=61009", "--regid=61009", "--clear-groups"]);
    let said = command.arg(&copy).args(words).output();
    said.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).contains(wanted))
}
