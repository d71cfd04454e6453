//! Parameters of other attributes stay in place.
#![expect(dead_code, reason = "that it compiles is the test")]

use summon::{Process, SimpleExecutor, summon};

mod sysinfo {
    #[derive(Clone, Copy)]
    pub(super) struct Process(pub(super) u32);
}

#[summon(simple = "my-server")]
fn beside_ours(server: &Process, n: u32, #[cfg(not(windows))] case: &Process) -> u32 {
    n + u32::from(server.port()) + u32::from(case.port())
}

#[summon(simple = "my-server")]
fn ours_are_enough(server: &Process, other: Option<&Process>, more: &[&Process]) -> usize {
    usize::from(server.is_running()) + other.into_iter().len() + more.len()
}

#[summon(simple = "my-server")]
fn none_of_ours(n: u32, me: sysinfo::Process) -> u32 {
    n + me.0
}

#[summon(executor = SimpleExecutor::new("my-server"))]
#[summon(simple = "my-server", name = "other")]
fn by_its_own_type(server: &SimpleExecutor, _: &Process) -> u16 {
    server.port()
}

fn calls() {
    beside_ours(1, &SimpleExecutor::new("a"));
    ours_are_enough(None, &[]);
    none_of_ours(1, sysinfo::Process(2));
    by_its_own_type();
}
