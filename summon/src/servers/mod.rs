//! Ready-made executors for the most common servers. Each one knows the flags of its server, its
//! ready line, a fast way to stop it, and its URL.
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
//! | [`Rabbitmq`] | `rabbitmq-server` | sends `READY=1` | SIGTERM | `amqp://guest:guest@127.0.0.1:PORT/%2f` |
//! | [`Mosquitto`] | `mosquitto` | | SIGTERM | `mqtt://127.0.0.1:PORT/` |
//! | [`Etcd`] | `etcd` | `/health` answers 2xx | SIGTERM | `http://127.0.0.1:PORT` |
//! | [`Zookeeper`] | `zkServer.sh` | answers `srvr` | SIGTERM | `127.0.0.1:PORT/` |
//! | [`Nginx`] | `nginx`, with your directives | | SIGTERM | `http://127.0.0.1:PORT/` |
//! | [`Moto`], an imitation of AWS | `moto_server` | | SIGTERM | `http://127.0.0.1:PORT` |
//!
//! Each server listens only on a free port of 127.0.0.1, by default without a password. As an
//! [image](crate::guide::images#ready-made-servers) it is reached there. It keeps
//! its files in its private directory, and does not call `fsync`, since a test does not cut the
//! power.
//!
//! Each type is a [`Coordinated`], so Rust code and the attribute can add every option. Further
//! arguments follow the existing ones:
//!
//! ```
//! use summon::servers::Redis;
//!
//! let redis = Redis::new().args(["--maxmemory", "1mb"]).timeout("5s");
//! ```
//!
//! A `.env` file or a developer's own server may need a fixed port and a password:
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
//! | a password, which is part of the URL | `password` | `password` | `password` | `token` | |
//! | arguments of the command that makes its files | | `init_args`, `locale`, `encoding` | `init_args` | | |
//! | an installed version | | `version` | | | |
//!
//! The other servers have `on_port` only.
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
//! To run another version than the installed one, add an image: `Postgres::new().image("postgres:17")`. The
//! [guide about images](crate::guide::images) lists the servers with images.
//!
//! [Recipes](crate::guide::recipes) has more examples, and other servers.
//!
//! # Platform notes
//!
//! summon looks for a program first in PATH, then where distributions install it: in
//! `/usr/lib/postgresql/*/bin`, in `sbin`, and in the directories of Homebrew outside of PATH. Some
//! servers refuse to run as root. If the test is root, as in most containers, they run as [another
//! user](crate::Coordinated::user): the user of their package, or `nobody`.

// A new server is a file here, a `pub use` and two rows of the tables above, a type in `marker.rs`, the
// package of its program in `exec_error/install_hints.rs`, its client in `process/client.rs`, and a recipe in
// `examples/servers`.
mod etcd;
mod mariadb;
mod marker;
mod memcached;
mod mosquitto;
mod moto;
mod nats;
mod nginx;
mod postgres;
mod rabbitmq;
mod ready;
mod redis;
mod zookeeper;

pub use etcd::Etcd;
pub use mariadb::Mariadb;
pub use memcached::Memcached;
pub use mosquitto::Mosquitto;
pub use moto::Moto;
pub use nats::Nats;
pub use nginx::Nginx;
pub use postgres::Postgres;
pub use rabbitmq::Rabbitmq;
pub use ready::Ready;
pub use redis::Redis;
pub use zookeeper::Zookeeper;

use ready::served;

use crate::executor::Coordinated;
use crate::find_program;
use crate::sys::users;

/// Returns the first program that exists, or else the first name, so that its absence is the error.
fn found(names: &[&str]) -> String {
    let found = find_program::find(names).map(|path| path.to_string_lossy().into_owned());
    found.unwrap_or_else(|| names[0].to_owned())
}

impl<S> Coordinated<Ready<S>> {
    /// Lets all packages share the result of `before_once`. It is new if the server has a new
    /// version.
    fn known(self) -> Self {
        self.change(|spec| spec.is_known = true)
    }

    /// Sets the user to switch to when the test is root: `own` if it exists, else `nobody`.
    fn not_as_root(self, own: &str) -> Self {
        match users::instead_of_root(own) {
            Some(user) => self.user(user),
            None => self,
        }
    }
}
