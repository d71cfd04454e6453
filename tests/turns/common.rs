//! Five tests that all want one fixed port, compiled into three binaries: `one`, `two`, `three`.

use summon::{Process, summon};

/// Outside of every ephemeral range. Whoever else of this project wants it takes turns with us.
const PORT: u16 = 17463;
const ACTOR: &str = env!("CARGO_BIN_EXE_actor");
/// What the actors themselves say of their lives; all binaries and all runs append to it.
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

/// The record says who lived when: each that was up is gone before the next is up, and the last
/// one up is ours.
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
