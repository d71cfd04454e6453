//! Five tests that want the same fixed port, compiled into three binaries: `one`, `two`, `three`.

use summon::{Process, summon};

/// The port is outside of every ephemeral range. Other tests of this project that use it take turns
/// with these tests.
const PORT: u16 = 17463;
const ACTOR: &str = env!("CARGO_BIN_EXE_actor");
/// The actors record their starts and ends in this file. All binaries and all runs append to it.
const RECORD: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/turns");

macro_rules! tests {
    ($($name:ident)*) => {$(
        #[summon(
            tcp = [ACTOR, "farewell", RECORD, "-up", "record", RECORD, "up", "listen", "127.0.0.1:17463"],
            port = PORT,
        )]
        #[test]
        fn $name(server: &Process) {
            check(server);
        }
    )*};
}

tests!(a b c d e);

/// Checks that the record shows one server at a time, and that the last server is this test's.
fn check(server: &Process) {
    assert_eq!(server.port(), PORT);
    let record = std::fs::read_to_string(RECORD).unwrap();
    let lives: Vec<(&str, &str)> = record
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .collect();
    let (last, before) = lives.split_last().unwrap();
    assert_eq!(*last, ("up", server.id().unwrap().to_string().as_str()));
    for two in before.chunks(2) {
        assert_eq!((two[0].0, two[1].0), ("up", "-up"), "two lived at once");
        assert_eq!(two[0].1, two[1].1, "two lived at once");
    }
}
