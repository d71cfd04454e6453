//! A fixture with a slow command before its service. This test never ends on its own.

mod common;

use common::{env, record};
use summon::Fixture;

/// Root runs the fixture as another user, as it would run PostgreSQL.
#[cfg(unix)]
fn user() -> &'static str {
    // SAFETY: `geteuid` takes no arguments.
    match unsafe { libc::geteuid() } {
        0 => "nobody",
        _ => "",
    }
}

/// Lets the user of the fixture write to the directory.
fn before() -> [String; 3] {
    let script = format!("mkdir {{dir}}/data && echo 24 MB >{{dir}}/data/file && echo before >>{}; sleep 1000", env("RECORD"));
    ["sh".into(), "-c".into(), script]
}

#[summon::fixture(simple = "sleep 1000", scope = "run", before = before(), with_file("settings", "a"), timeout = "10m")]
static OWN: Fixture;

#[summon::fixture(simple = "sleep 1000", scope = "run", before = before(), user = user(), with_file("settings", "a"), timeout = "10m")]
static OTHERS: Fixture;

#[test]
fn takes_long() {
    record("test");
    let record = std::fs::File::options().append(true).open(env("RECORD")).unwrap();
    let _ = record.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    match user() {
        "" => OWN.port(),
        _ => OTHERS.port(),
    };
}
