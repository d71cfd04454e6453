//! A fixture of the run with the type of its executor, and tests that use it.

use std::ops::Deref;
use std::sync::OnceLock;

use summon::{Error, Executor, Fixture, Process, TcpCoordinatedExecutor, summon};

use crate::common::{record, server, use_it};

/// A server with a client, which each test process makes for itself.
pub struct Store {
    server: TcpCoordinatedExecutor,
    client: OnceLock<u16>,
}

impl Store {
    pub fn new(name: &str) -> Store {
        Store { server: TcpCoordinatedExecutor::new(server(name), "localhost", 0), client: OnceLock::new() }
    }
}

impl Executor for Store {
    fn start(&self) -> Result<(), Error> {
        self.server.start()?;
        record("started");
        self.client.get_or_init(|| self.server.port());
        Ok(())
    }

    fn stop(&self) -> Result<(), Error> {
        self.server.stop()
    }

    fn process(&self) -> Option<&Process> {
        Some(&self.server)
    }

    fn joined(&self) {
        assert!(self.server.is_running());
        record("joined");
        self.client.get_or_init(|| self.server.port());
    }
}

impl Deref for Store {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.server
    }
}

#[summon::fixture(executor = Store::new("typed"), scope = "run", setup = set_up)]
static STORE: Fixture<Store>;

fn set_up(store: &Store) -> Result<(), Error> {
    assert_eq!(store.client.get(), Some(&store.port()));
    record("setup");
    Ok(())
}

#[test]
fn direct() {
    use_it(&STORE);
    assert_eq!(STORE.client.get(), Some(&STORE.port()));
}

#[summon(fixture = STORE)]
#[test]
fn declared(store: &Store) {
    assert_eq!(store.client.get(), Some(&store.addr().port()));
}

#[summon(fixture = STORE)]
#[test]
fn process(store: &Process) {
    use_it(store);
}
