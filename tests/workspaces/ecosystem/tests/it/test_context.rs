//! `#[test_context]`: a setup and a teardown. It and `#[summon]` go above `#[test]`, in any order.
//! The code of the lower attribute runs around the code of the upper attribute.

use crate::support::{Notes, Noting, note, serves};

use summon::{Process, summon};
use summon_ecosystem::ask;
use test_context::{TestContext, test_context};

struct Words(Vec<&'static str>);

impl TestContext for Words {
    fn setup() -> Words {
        Words(vec!["a", "hello"])
    }
}

#[summon(bin = "echo", tcp = "--port {port}")]
#[test_context(Words)]
#[test]
fn answers(echo: &Process, words: &mut Words) {
    for word in words.0.drain(..) {
        assert_eq!(ask(echo.addr(), word).unwrap(), word);
    }
}

#[test_context(Words)]
#[summon(bin = "echo", tcp = "--port {port}")]
#[test]
fn between(echo: &Process, words: &mut Words) {
    assert_eq!(words.0.len(), 2);
    serves(echo);
}

#[test_context(Words)]
#[test]
#[summon(bin = "echo", tcp = "--port {port}")]
fn below_without_parameters(words: &mut Words) {
    assert_eq!(words.0.len(), 2);
}

static ABOVE: Notes = Notes::new(Vec::new());
static BELOW: Notes = Notes::new(Vec::new());

struct Outer;

impl TestContext for Outer {
    fn setup() -> Outer {
        note(&ABOVE, "setup");
        Outer
    }

    fn teardown(self) {
        note(&ABOVE, "teardown");
        let notes = ABOVE.lock().unwrap();
        assert_eq!(*notes, ["setup", "start", "body", "stop", "teardown"]);
    }
}

#[summon(executor = Noting::new(&ABOVE))]
#[test_context(Outer)]
#[test]
fn above_it_starts_after_the_setup(_noting: &Noting, _context: &mut Outer) {
    note(&ABOVE, "body");
}

struct Inner;

impl TestContext for Inner {
    fn setup() -> Inner {
        note(&BELOW, "setup");
        Inner
    }

    fn teardown(self) {
        note(&BELOW, "teardown");
        let notes = BELOW.lock().unwrap();
        assert_eq!(*notes, ["start", "setup", "body", "teardown"]);
    }
}

#[test_context(Inner)]
#[summon(executor = Noting::new(&BELOW))]
#[test]
fn below_it_starts_before_the_setup(_noting: &Noting, _context: &mut Inner) {
    note(&BELOW, "body");
}

mod with_tokio {
    use super::*;
    use test_context::AsyncTestContext;

    struct Word(&'static str);

    impl AsyncTestContext for Word {
        async fn setup() -> Word {
            tokio::task::yield_now().await;
            Word("hello")
        }
    }

    #[summon(bin = "echo", tcp = "--port {port}")]
    #[test_context(Word)]
    #[tokio::test]
    async fn above_both(echo: &Process, word: &mut Word) {
        assert_eq!(word.0, "hello");
        serves(echo);
    }

    #[test_context(Word)]
    #[summon(bin = "echo", tcp = "--port {port}")]
    #[tokio::test]
    async fn between(echo: &Process, word: &mut Word) {
        assert_eq!(word.0, "hello");
        serves(echo);
    }

    #[test_context(Word)]
    #[tokio::test]
    #[summon(bin = "echo", tcp = "--port {port}")]
    async fn below_both(echo: &Process, word: &mut Word) {
        assert_eq!(word.0, "hello");
        serves(echo);
    }
}
