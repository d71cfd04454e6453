//! The named flavours of [`Coordinated`], and the options of their probes.

use super::Coordinated;
use crate::command::Command;
use crate::probe::{self, File, Http, Output, Started, Statuses, Tcp};

/// An executor that is ready when the program has been exec'ed.
///
/// ```
/// use summon::SimpleExecutor;
///
/// let sleeper = SimpleExecutor::new("sleep 100");
/// sleeper.start()?;
/// assert!(sleeper.is_running());
/// # Ok::<(), summon::Error>(())
/// ```
pub type SimpleExecutor = Coordinated<Started>;

/// An executor that is ready when a line of output matches a banner, a regular expression
/// ([details](crate::probe::output())).
///
/// ```
/// use summon::OutputCoordinatedExecutor;
///
/// let worker = OutputCoordinatedExecutor::new(["sh", "-c", "echo up; exec sleep 100"], "^up$");
/// worker.start()?;
/// assert_eq!(worker.output(), b"up\n");
/// # Ok::<(), summon::Error>(())
/// ```
pub type OutputCoordinatedExecutor = Coordinated<Output>;

/// An executor that is ready when the process listens on `host:port`
/// ([details](crate::probe::tcp)).
///
/// ```no_run
/// use summon::TcpCoordinatedExecutor;
///
/// let redis = TcpCoordinatedExecutor::new("redis-server --port {port} --save ''", "localhost", 0);
/// redis.start()?;
/// let client = std::net::TcpStream::connect(redis.addr());
/// # Ok::<(), summon::Error>(())
/// ```
pub type TcpCoordinatedExecutor = Coordinated<Tcp>;

/// An executor that is ready when a URL answers as expected ([details](crate::probe::http)).
///
/// ```no_run
/// use summon::HttpCoordinatedExecutor;
///
/// let api = HttpCoordinatedExecutor::new("my-api --port {port}", "http://localhost:{port}/health")
///     .status(200..400);
/// api.start()?;
/// # Ok::<(), summon::Error>(())
/// ```
pub type HttpCoordinatedExecutor = Coordinated<Http>;

impl SimpleExecutor {
    /// Runs `command`, and is ready when the program has been exec'ed.
    ///
    /// ```
    /// use summon::SimpleExecutor;
    ///
    /// let text = SimpleExecutor::new("my-worker --queue 'two words'");
    /// let words = SimpleExecutor::new(["my-worker", "--queue", "two words"]);
    /// assert_eq!(text.name(), words.name());
    /// ```
    #[track_caller]
    pub fn new(command: impl Into<Command>) -> SimpleExecutor {
        Coordinated::with(command, probe::started())
    }
}

impl OutputCoordinatedExecutor {
    /// Runs `command`, and is ready when a line of output matches `banner`, a regular expression.
    ///
    /// ```
    /// let worker = summon::OutputCoordinatedExecutor::new(
    ///     "sh -c 'echo listening on port 4711; exec sleep 100'",
    ///     r"listening on port (?<port>\d+)$",
    /// );
    /// worker.start()?;
    /// assert_eq!(worker.port(), 4711);
    /// # Ok::<(), summon::Error>(())
    /// ```
    #[track_caller]
    pub fn new(
        command: impl Into<Command>,
        banner: impl Into<String>,
    ) -> OutputCoordinatedExecutor {
        Coordinated::with(command, probe::output(banner))
    }

    /// Sets the number of lines that must match. Default: 1.
    ///
    /// ```
    /// let ready = "database system is ready to accept connections";
    /// summon::OutputCoordinatedExecutor::new("docker-entrypoint.sh postgres", ready).times(2);
    /// ```
    pub fn times(self, times: u32) -> Self {
        self.ask(|probe| *probe = probe.clone().times(times))
    }
}

impl TcpCoordinatedExecutor {
    /// Runs `command`, and is ready when it listens on `host:port`. Port 0 means a free port, and
    /// `{port}` in the command stands for it.
    ///
    /// ```
    /// use summon::TcpCoordinatedExecutor;
    ///
    /// let free = TcpCoordinatedExecutor::new("redis-server --port {port} --save ''", "localhost", 0);
    /// let fixed = TcpCoordinatedExecutor::new("redis-server --save ''", "localhost", 6379);
    /// assert_ne!(free.port(), 0);
    /// assert_eq!(fixed.port(), 6379);
    /// ```
    #[track_caller]
    pub fn new(
        command: impl Into<Command>,
        host: impl Into<String>,
        port: u16,
    ) -> TcpCoordinatedExecutor {
        Coordinated::with(command, probe::tcp(host, port))
    }
}

impl HttpCoordinatedExecutor {
    /// Runs `command`, and is ready when `url` answers, by default with a status of 200 to 299.
    ///
    /// ```
    /// use summon::HttpCoordinatedExecutor;
    ///
    /// let free = HttpCoordinatedExecutor::new("my-api --port {port}", "http://localhost:{port}/health");
    /// let fixed = HttpCoordinatedExecutor::new("my-api", "http://127.0.0.1:8080/health");
    /// assert_eq!(fixed.port(), 8080);
    /// # let _ = free;
    /// ```
    #[track_caller]
    pub fn new(command: impl Into<Command>, url: impl Into<String>) -> HttpCoordinatedExecutor {
        Coordinated::with(command, probe::http(url))
    }

    /// Sets the method of the request. Default: `GET`.
    ///
    /// ```
    /// # let url = "http://localhost:{port}/";
    /// summon::HttpCoordinatedExecutor::new("my-api", url).method("HEAD");
    /// ```
    pub fn method(self, method: impl Into<String>) -> Self {
        self.ask(|probe| probe.method = method.into())
    }

    /// Sets the statuses that mean ready: one, a range, or a list. Default: `200..300`.
    ///
    /// ```
    /// # let url = "http://localhost:{port}/";
    /// summon::HttpCoordinatedExecutor::new("my-api", url).status([200, 401]);
    /// ```
    pub fn status(self, status: impl Into<Statuses>) -> Self {
        self.ask(|probe| probe.statuses = status.into())
    }

    /// Adds a header to the request. It replaces summon's header with the same name. Default: only
    /// `Host`, `Connection`, and `User-Agent`.
    ///
    /// ```
    /// # let url = "http://localhost:{port}/";
    /// summon::HttpCoordinatedExecutor::new("my-api", url).header("Accept", "text/plain");
    /// ```
    pub fn header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.ask(|probe| probe.headers.push((name.into(), value.into())))
    }

    /// Sets the body of the request. Default: none.
    ///
    /// ```
    /// # let url = "http://localhost:{port}/";
    /// summon::HttpCoordinatedExecutor::new("my-api", url).method("POST").body("{}");
    /// ```
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        self.ask(|probe| probe.body = body.into())
    }

    /// Also requires a body that matches a regular expression
    /// ([details](crate::probe::Http::body_matches)). Default: any body.
    ///
    /// ```
    /// # let url = "http://localhost:{port}/actuator/health";
    /// summon::HttpCoordinatedExecutor::new("my-api", url).body_matches(r#""status": *"UP""#);
    /// ```
    pub fn body_matches(self, pattern: impl Into<String>) -> Self {
        self.ask(|probe| probe.body_matches = Some(pattern.into()))
    }
}

impl Coordinated<File> {
    /// Waits until the file has contents. Default: an empty file is enough.
    ///
    /// ```
    /// use summon::{Coordinated, probe};
    ///
    /// let command = ["sh", "-c", "echo $$ > {dir}/pid; exec sleep 100"];
    /// let server = Coordinated::with(command, probe::file("{dir}/pid")).not_empty(true);
    /// server.start()?;
    /// assert!(server.dir().join("pid").metadata().is_ok_and(|found| found.len() > 0));
    /// # Ok::<(), summon::Error>(())
    /// ```
    pub fn not_empty(self, not_empty: bool) -> Self {
        self.ask(|probe| *probe = probe.clone().not_empty(not_empty))
    }
}
