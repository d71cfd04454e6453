//! `#[test]` with `#[should_panic]`: if the body panics, the test passes. If the start fails, the
//! test fails, in any order of the attributes.

use crate::support::serves;

use summon::{Process, summon};
use summon_ecosystem::ask;

#[summon(bin = "echo", tcp = "--port {port}")]
#[test]
#[should_panic(expected = "no answer")]
fn expects_another_answer(echo: &Process) {
    let answer = ask(echo.addr(), "hello").unwrap();
    assert_eq!(answer, "goodbye", "no answer");
}

#[summon(bin = "echo", tcp = "--port {port}")]
#[should_panic(expected = "as it should")]
#[test]
fn above_both(echo: &Process) {
    serves(echo);
    panic!("as it should");
}

#[should_panic(expected = "as it should")]
#[summon(bin = "echo", tcp = "--port {port}")]
#[test]
fn between(echo: &Process) {
    serves(echo);
    panic!("as it should");
}

#[test]
#[summon(bin = "echo", tcp = "--port {port}")]
fn below_without_parameters() {}

#[test]
#[should_panic(expected = "as it should")]
#[summon(bin = "echo", tcp = "--port {port}")]
fn below_both_without_parameters() {
    panic!("as it should");
}

#[summon(bin = "echo", tcp = "--port {port}")]
#[test]
#[ignore = "shows that it goes with the others"]
fn ignored(echo: &Process) {
    serves(echo);
}

/// Tests with a start that fails, so the body can't be the part that panics.
mod starts_not {
    use super::*;

    macro_rules! in_the_order_of {
        ($name:ident: $($attribute:tt)*) => {
            $(#$attribute)*
            #[ignore = "fails on purpose; `ends` runs it"]
            fn $name() {
                panic!("as it should");
            }
        };
    }

    in_the_order_of!(one: [summon(simple = "no-such-program")] [test] [should_panic]);
    in_the_order_of!(two: [summon(simple = "no-such-program")] [should_panic] [test]);
    in_the_order_of!(three: [should_panic] [summon(simple = "no-such-program")] [test]);
    in_the_order_of!(four: [test] [should_panic] [summon(simple = "no-such-program")]);

    #[summon(simple = "no-such-program")]
    #[test]
    #[should_panic(expected = "as it should")]
    #[ignore = "fails on purpose; `ends` runs it"]
    fn with_a_text() {
        panic!("as it should");
    }

    #[summon(simple = "no-such-program")]
    #[tokio::test]
    #[should_panic]
    #[ignore = "fails on purpose; `ends` runs it"]
    async fn a_future() {
        panic!("as it should");
    }
}
