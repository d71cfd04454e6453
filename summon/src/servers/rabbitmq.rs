//! RabbitMQ.

use std::path::Path;

use super::{Ready, found, marker, served};
use crate::executor::Coordinated;

/// The script behind the one in PATH, which requires the user `rabbitmq` and the directories of the
/// system.
const DEBIAN: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/// A RabbitMQ with the user `guest`, and without plugins. Its start takes 5 s or more, so share it as a
/// [fixture](macro@crate::fixture), and give each test its own queues or virtual host.
///
/// ```no_run
/// use summon::servers::Rabbitmq;
///
/// let rabbit = Rabbitmq::new();
/// rabbit.start()?;
/// assert!(rabbit.url("/%2f").starts_with("amqp://guest:guest@127.0.0.1:"));
/// # Ok::<(), summon::Error>(())
/// ```
///
/// The methods below set options of this server. [`Coordinated`] has the options of every executor.
/// [`Process`](crate::Process) has the verbs, such as `start`, `restart`, `stopped`, and `paused`.
pub type Rabbitmq = Coordinated<Ready<marker::Rabbitmq>>;

impl Rabbitmq {
    /// Runs the server on a free port, with private ports for other nodes and for its daemon `epmd`. The
    /// default time-out is 2 min. The path of [`url`](crate::Process::url) is the virtual host:
    /// `/%2f` is the default one, `/`.
    ///
    /// ```
    /// use summon::servers::Rabbitmq;
    ///
    /// let rabbit = Rabbitmq::new().with_file("plugins", "[rabbitmq_stream].").timeout("5m");
    /// ```
    #[track_caller]
    pub fn new() -> Rabbitmq {
        let server = match Path::new(DEBIAN).is_file() {
            true => DEBIAN.to_owned(),
            false => found(&["rabbitmq-server"]),
        };
        let only_loopback = "-kernel inet_dist_use_interface {{127,0,0,1}";
        served([server.as_str()], "amqp://guest:guest@")
            .env("RABBITMQ_NODENAME", "rabbit-{port}@localhost")
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODE_PORT", "{port}")
            .env("RABBITMQ_DIST_PORT", "{port:nodes}")
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", only_loopback)
            .env("ERL_EPMD_PORT", "{port:epmd}")
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            // The cookie is in the home.
            .env("HOME", "{dir}")
            .env("RABBITMQ_MNESIA_BASE", "{dir}/mnesia")
            .env("RABBITMQ_LOG_BASE", "{dir}/log")
            .env("RABBITMQ_LOGS", "-")
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", "{dir}/plugins")
            // Without it, the server reads the settings of the system.
            .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
            .timeout("2m")
            .change(|spec| spec.path = "%2f")
            // It also makes the script become the server. Otherwise the script would be its parent, and
            // forward signals by itself.
            .notifies()
            .in_image(|_, _| {
                Err("run the image by `TcpCoordinatedExecutor::new(\"\", \"localhost\", 5672)`, and wait for `Server startup complete`")
            })
    }
}

impl Default for Rabbitmq {
    fn default() -> Rabbitmq {
        Rabbitmq::new()
    }
}
