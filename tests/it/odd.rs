//! Valid but unusual code works, too.

use std::process::{ExitCode, Termination};

use summon::{Executor as _, Process, summon};

use crate::support::ACTOR;

#[summon(simple = "sleep 1000")]
#[test]
fn r#match(r#type: &Process) {
    assert_eq!(r#type.name(), "type");
}

#[summon::summon(simple = "sleep 1000")]
#[test]
fn by_its_full_path(process: &::summon::Process) {
    assert!(process.is_running());
}

#[summon(simple = "sleep 1000")]
#[test]
fn a_lint_says_nothing_of_whose_a_parameter_is(
    #[expect(unused_variables, reason = "it need only run")] process: &Process,
) {
}

#[summon(simple = String::from("sleep 1000"), timeout = std::time::Duration::from_secs(9))]
#[summon::summon(simple = format!("sleep {}", 1000), name = concat!("a", "b"))]
#[test]
fn values_are_any_expressions(_one: &Process, two: &Process) {
    assert_eq!(two.name(), "ab");
}

#[summon(simple = "sleep 1000")]
#[test]
fn returns_something_that_terminates(_: &Process) -> impl Termination {
    ExitCode::SUCCESS
}

#[summon(simple = "sleep 1000")]
#[test]
#[ignore = "shows that an ignored test starts nothing"]
fn ignored(_: &Process) {
    panic!("ignored tests don't run");
}

#[summon(simple = "sleep 1000")]
#[summon(simple = "sleep 1000", name = "other")]
#[cfg_attr(all(), test)]
#[expect(unused_variables, reason = "attributes in between are kept")]
fn with_other_attributes_in_between() {
    let unused = 1;
}

/// A documented, generic, bounded function with another calling convention.
#[summon(simple = "sleep 1000")]
extern "C" fn generic<'a, T, const N: usize>(
    items: &'a [T; N],
    _: &'a T,
    process: &Process,
) -> &'a T
where
    T: Clone,
{
    assert!(process.is_running());
    &items[0]
}

#[test]
fn on_generic_functions() {
    assert_eq!(*generic(&[7, 8], &9), 7);
}

struct Suite {
    command: &'static str,
}

impl Suite {
    #[summon(simple = self.command)]
    fn method(&self, process: &Process) -> bool {
        process.is_running()
    }

    #[summon(simple = "sleep 1000")]
    async fn async_method(&mut self, _process: &Process) -> usize {
        std::future::ready(self.command.len()).await
    }
}

#[tokio::test]
async fn on_methods() {
    let mut suite = Suite {
        command: "sleep 1000",
    };
    assert!(suite.method());
    assert_eq!(suite.async_method().await, 10);
}

mod outer {
    pub(super) mod summon {
        //! A user's module with the name of the crate.
        #[::summon::summon(simple = "sleep 1000")]
        pub(crate) fn inside(process: &::summon::Process) -> bool {
            process.is_running()
        }
    }
}

#[test]
fn beside_a_module_that_is_called_summon() {
    assert!(outer::summon::inside());
}

#[summon(simple = "sleep 1000")]
#[test]
fn names_of_the_expansion_do_not_meet_the_users(executor_0: &Process) {
    let _scope = 1;
    let error = executor_0.is_running();
    assert!(error);
}

#[summon(simple = "sleep 1000")]
#[test]
fn the_parameter_can_be_shadowed_and_moved(process: &Process) {
    let check = move || process.is_running();
    let process = check();
    assert!(process);
}

macro_rules! tests_of {
    ($($name:ident: $command:expr),*) => {$(
        #[summon(simple = $command)]
        #[test]
        fn $name(process: &Process) {
            assert!(process.is_running());
        }
    )*};
}

tests_of!(made_by_a_macro: "sleep 1000", and_another: ["sleep", "1000"]);

#[summon(
    output = r#"sh -c 'echo "a {name} b"; exec sleep 1000'"#,
    banner = r#"^a odd b$"#,
    name = "odd"
)]
#[test]
fn raw_strings_and_quotes(_odd: &Process) {}

#[summon(executor = { let words = [ACTOR, "say", "up"]; summon::OutputCoordinatedExecutor::new(words, "up") })]
#[test]
fn a_block_as_a_value(process: &Process) {
    assert_eq!(process.output(), b"up\n");
}

#[summon(simple = "sleep 1000", args(["1", "2"]), envs([("A", "1")]), shell(false))]
#[test]
fn options_as_calls(process: &Process) {
    process.stop().unwrap();
    process.process().unwrap().start().unwrap();
}

#[summon(simple = "sleep 1000")]
#[test]
fn inner_attributes_stay_first(process: &Process) {
    #![expect(unused_variables, reason = "it shows that this attribute counts")]
    let unused = process;
}

/// A type with the name of a result that is not `Result`.
#[derive(Debug, PartialEq)]
struct NoResult(u8);

#[summon(simple = "sleep 1000")]
fn what_is_called_a_result(process: &Process) -> NoResult {
    NoResult(u8::from(process.is_running()))
}

#[summon(simple = "sleep 1000")]
fn what_returns_early(input: Vec<u8>, count: &mut usize, _: &Process) -> std::io::Result<Vec<u8>> {
    *count += 1;
    if input.is_empty() {
        return Ok(vec![0]);
    }
    std::fs::read("/no/such/file")?;
    Ok(input)
}

#[summon(simple = "sleep 1000")]
async fn what_waits_and_returns_early<T: ToString>(
    input: T,
    _: &Process,
) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    tokio::task::yield_now().await;
    let text = input.to_string();
    if text.is_empty() {
        return Ok(text);
    }
    text.parse::<u8>()?;
    std::fs::read("/no/such/file")?;
    Ok(text)
}

#[test]
fn bodies_leave_early_by_return_and_by_question_mark() {
    assert_eq!(what_is_called_a_result(), NoResult(1));
    let mut count = 0;
    assert_eq!(what_returns_early(vec![], &mut count).unwrap(), [0]);
    assert!(what_returns_early(vec![1], &mut count).is_err());
    assert_eq!(count, 2);
}

#[tokio::test]
async fn async_bodies_leave_early_by_return_and_by_question_mark() {
    assert_eq!(what_waits_and_returns_early("").await.unwrap(), "");
    let error = what_waits_and_returns_early("many").await.unwrap_err();
    assert!(error.is::<std::num::ParseIntError>());
    let error = what_waits_and_returns_early(1).await.unwrap_err();
    assert!(error.is::<std::io::Error>());
    // The futures are `Send`, so another thread can run them.
    let elsewhere = tokio::spawn(what_waits_and_returns_early(300));
    assert!(elsewhere.await.unwrap().is_err());
}

fn is_unwind_safe<T: std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}

/// Fails to compile if a test can't take a type into `catch_unwind`, by value or by reference.
#[test]
fn all_types_may_be_taken_into_catch_unwind() {
    is_unwind_safe::<Process>();
    is_unwind_safe::<summon::SimpleExecutor>();
    is_unwind_safe::<summon::OutputCoordinatedExecutor>();
    is_unwind_safe::<summon::TcpCoordinatedExecutor>();
    is_unwind_safe::<summon::HttpCoordinatedExecutor>();
    is_unwind_safe::<summon::Coordinated<Box<dyn Fn() + Send + Sync>>>();
    is_unwind_safe::<summon::servers::Postgres>();
    is_unwind_safe::<summon::Fixture>();
    is_unwind_safe::<summon::Orchestrator<'_>>();
    is_unwind_safe::<summon::Scope<'_>>();
    is_unwind_safe::<summon::Error>();
    is_unwind_safe::<summon::probe::Tcp>();
}

#[summon(output = "sh -c 'echo up; exec sleep 100'", banner = "^up$")]
#[test]
fn panics_around_a_process_may_be_caught(server: &Process) {
    let caught = std::panic::catch_unwind(|| {
        assert!(server.is_running());
        panic!("this panic is part of a test")
    });
    assert!(caught.is_err());
    server.restart().unwrap();
}

/// Starts a process when its thread ends, and sends the result.
struct StartsAtTheEnd(std::sync::mpsc::Sender<String>);

impl Drop for StartsAtTheEnd {
    fn drop(&mut self) {
        let late = summon::SimpleExecutor::new("sleep 1000");
        let went = late.start().and_then(|()| late.stop());
        let _ = self.0.send(format!("{went:?}"));
    }
}

thread_local! {
    static AT_THE_END: std::cell::RefCell<Option<StartsAtTheEnd>> = const { std::cell::RefCell::new(None) };
}

#[test]
fn a_thread_may_start_a_process_while_its_locals_are_destroyed() {
    let (tell, told) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        // The thread makes this value before summon's values, so it is destroyed after them.
        AT_THE_END.set(Some(StartsAtTheEnd(tell)));
        let early = summon::SimpleExecutor::new("sleep 1000");
        early.start().unwrap();
    });
    thread.join().unwrap();
    assert_eq!(told.recv().unwrap(), "Ok(())");
}
