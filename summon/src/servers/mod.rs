//! Servers that tests need most, as ready-made executors: each knows the flags of its server, what
//! says that it is ready, how to stop it fast, and its URL.
//!
//! ```no_run
//! use summon::{servers::Postgres, summon};
//!
//! #[summon(executor = Postgres::new())]
//! #[test]
//! fn remembers(pg: &Postgres) {
//!     println!("connect to {}", pg.url("/postgres"));
//! }
//! # fn main() {}
//! ```
//!
//! | executor | runs | ready when it serves its port, and | stopped by | URL |
//! | --- | --- | --- | --- | --- |
//! | [`Redis`] | `redis-server`, or `valkey-server` | says `Ready to accept connections` | SIGTERM | `redis://127.0.0.1:PORT/0` |
//! | [`Postgres`] | `initdb`, then `postgres` | says `database system is ready to accept connections` | SIGINT, a fast shutdown | `postgres://postgres@127.0.0.1:PORT/postgres` |
//! | [`Mariadb`] | `mariadb-install-db`, then `mariadbd` | says `ready for connections` | SIGTERM | `mysql://root@127.0.0.1:PORT/test` |
//! | [`Nats`] | `nats-server` | says `Server is ready` | SIGINT | `nats://127.0.0.1:PORT/` |
//! | [`Memcached`] | `memcached` | | SIGKILL | `memcache://127.0.0.1:PORT/` |
//!
//! All serve a free port on 127.0.0.1 and nothing else of the network, by default without a password, keep their
//! files in their private directory, and do not wait for the disk: a test that pulls no plug needs no
//! `fsync`.
//!
//! They are what [`Coordinated`] is, so each option can be added, in Rust or in the
//! attribute, and is given to the server after what is there:
//!
//! ```
//! use summon::servers::Redis;
//!
//! let redis = Redis::new().args(["--maxmemory", "1mb"]).timeout("5s");
//! ```
//!
//! For a `.env` file, or a developer's own server, there is a fixed port, and a password:
//!
//! ```
//! use summon::{Process, servers::Postgres, summon};
//!
//! #[summon(executor = Postgres::new().password("s3cret"), port = 5432, reuse = true)]
//! #[test]
//! fn remembers(pg: &Postgres) {
//!     assert_eq!(pg.url("/postgres"), "postgres://postgres:s3cret@127.0.0.1:5432/postgres");
//! }
//! # fn main() {}
//! ```
//!
//! | option | [`Redis`] | [`Postgres`] | [`Mariadb`] | [`Nats`] | [`Memcached`] |
//! | --- | --- | --- | --- | --- | --- |
//! | a fixed port, in the attribute `port =` | `on_port` | `on_port` | `on_port` | `on_port` | `on_port` |
//! | a password, which its URL has | `password` | `password` | `password` | `token` | |
//! | arguments of the command that makes its files | | `init_args`, `locale`, `encoding` | `init_args` | | |
//! | a version of those installed | | `version` | | | |
//!
//! [`url`](crate::Process::url) takes the path, which names the database: `pg.url("/sales")`. It is a method
//! of [`Process`](crate::Process), so it also works on a fixture:
//!
//! ```
//! use summon::{Fixture, servers::Redis};
//!
//! #[summon::fixture(executor = Redis::new())]
//! static REDIS: Fixture;
//!
//! fn url() -> String {
//!     REDIS.url("/0")
//! }
//! ```
//!
//! [Recipes](crate::guide::recipes) has more of them at work, and servers that are not among them.
//!
//! # Platform notes
//!
//! A program is looked for in PATH first, and then where distributions hide it: in
//! `/usr/lib/postgresql/*/bin`, in `sbin`, and where Homebrew keeps what it does not link. As root, as
//! in most containers, those that refuse root run as [another user](crate::Coordinated::user): the
//! one that their package has made, or `nobody`.

mod kind;
mod mariadb;
mod memcached;
mod nats;
mod postgres;
mod ready;
mod redis;

pub use mariadb::Mariadb;
pub use memcached::Memcached;
pub use nats::Nats;
pub use postgres::Postgres;
pub use ready::Ready;
pub use redis::Redis;

use ready::served;

use crate::executor::Coordinated;
use crate::program;
use crate::sys::users;

/// The first of these programs that is there, or else the first, whose absence is then the error.
fn found(names: &[&str]) -> String {
    let found = program::find(names).map(|path| path.to_string_lossy().into_owned());
    found.unwrap_or_else(|| names[0].to_owned())
}

impl<S> Coordinated<Ready<S>> {
    /// Has another user run it if we are root: the one of its own, if there is such.
    fn not_as_root(self, own: &str) -> Self {
        match users::instead_of_root(own) {
            Some(user) => self.user(user),
            None => self,
        }
    }
}
