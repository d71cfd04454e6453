//! A fixture whose start takes long, before there is a service: this test never ends by itself.

mod common;

use common::{env, record};
use summon::Fixture;

/// As root it is another user's, as a PostgreSQL would be.
#[cfg(unix)]
fn user() -> &'static str {
    // SAFETY: it takes nothing.
    match unsafe { libc::geteuid() } {
        0 => "nobody",
        _ => "",
    }
}

/// So that the user of the fixture can write there.
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
