//! Known placeholders, texts that resemble them, and names that only the runtime knows.
#![expect(dead_code, reason = "that it compiles is the test")]

use summon::{Error, Executor, Fixture, Process, SimpleExecutor, probe, summon};

#[summon(tcp = "my-api --port {port} --admin {port:admin} --dir {dir} --name {name} --host {host}")]
fn words() {}

#[summon(simple = r#"my-api '{"a": {b: 1}}' {{port} ${HOME} {} { port } {a.b.c} {1}"#)]
#[summon(simple = "exec my-worker ${HOME} 'it is", shell = true)]
fn other_braces() {}

#[summon(
    output = "my-notebook",
    banner = r"at (?<host>[^:]+):(?<port>\d+), token (?<token>\w+)$"
)]
#[summon(
    simple = "my-client {notebook.port} {notebook.token}",
    after = "notebook"
)]
fn what_a_banner_tells(notebook: &Process, _client: &Process) {
    notebook.port();
}

#[summon(tcp = "my-api", and(probe::output("token (?<token>.*)")))]
#[summon(simple = "my-client {my-api.token} {client.dir}", name = "client")]
fn what_a_further_probe_tells() {}

#[summon(simple = "one {two.port}")]
#[summon(simple = "two {three.port}")]
#[summon(simple = "three {three.port}", env("SAME", "{three.dir}"))]
fn a_chain_is_no_circle() {}

struct Pair(SimpleExecutor, SimpleExecutor);

impl Executor for Pair {
    fn start(&self) -> Result<(), Error> {
        self.0.start().and_then(|()| self.1.start())
    }

    fn stop(&self) -> Result<(), Error> {
        self.1.stop().and_then(|()| self.0.stop())
    }

    fn process(&self) -> Option<&Process> {
        Some(&self.0)
    }
}

fn pair() -> Pair {
    Pair(
        SimpleExecutor::new("a").named("first"),
        SimpleExecutor::new("b"),
    )
}

#[summon(simple = "my-api {first.port} {first.token}", after = "second")]
#[summon(executor = pair())]
fn names_of_executors() {}

#[summon(simple = "my-api {db.port}")]
#[summon(simple = "postgres", name = ["d", "b"].concat())]
fn names_of_run_time() {}

mod shared {
    #[summon::fixture(tcp = "redis-server --port {port}")]
    pub(super) static REDIS: summon::Fixture;

    #[summon::fixture(simple = "memcached")]
    pub(super) static CACHE: summon::Fixture;
}
use shared::REDIS;

#[summon::fixture(
    simple = "my-api {REDIS.port} {REDIS.token} {port:admin}",
    unless = r"a{2}\.b"
)]
static API: Fixture;

#[summon(simple = "my-worker {api.url} {CACHE.port}")]
#[summon(fixture = API)]
#[summon(fixture = shared::CACHE)]
fn fixtures_by_either_name(_worker: &Process, api: &Process, _: &Process) {
    api.port();
}
