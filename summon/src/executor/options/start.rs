//! Options of the start: its order, its limits, and when the process counts as ready.

use crate::command::Command;
use crate::executor::Coordinated;
use crate::limit::Limit;
use crate::missing::Missing;
use crate::probe::Listener;

impl<P> Coordinated<P> {
    /// Limits how long `start` may take. Default: 30 s.
    ///
    /// ```
    /// summon::SimpleExecutor::new("my-api").timeout("500ms");
    /// ```
    pub fn timeout(self, limit: impl Into<Limit>) -> Self {
        self.change(|spec| spec.timeout = limit.into())
    }

    /// Limits the wait for a fixed port. Tests with the same fixed port take turns, and
    /// [`timeout`](Coordinated::timeout) does not include this wait. Default: 10 min. While the
    /// thread has another fixed port, the limit is at most 30 s, since two tests may then wait for each other. It also
    /// limits the wait for connections that hold a port, which takes at most 90 s.
    ///
    /// ```
    /// summon::TcpCoordinatedExecutor::new("my-api", "localhost", 8080).turn_timeout("1m");
    /// ```
    pub fn turn_timeout(self, limit: impl Into<Limit>) -> Self {
        self.change(|spec| spec.turn_timeout = limit.into())
    }

    /// Uses a server that already runs on the fixed port, and does not stop it. Default: no, and
    /// the start fails. Without a fixed port `start` returns an error. Most projects reuse a server
    /// everywhere except in CI:
    ///
    /// ```
    /// summon::TcpCoordinatedExecutor::new("my-api", "localhost", 8080)
    ///     .reuse(std::env::var_os("CI").is_none());
    /// ```
    pub fn reuse(self, reuse: bool) -> Self {
        self.change(|spec| spec.reuse = reuse)
    }

    /// Sets which listeners on the port mean ready. [`Listener::Any`] is for programs that pass
    /// their port to another process, such as a container engine. In the attribute the value may be
    /// the text `"own"` or `"any"`. Default: [`Listener::Own`], the process and its descendants.
    ///
    /// ```
    /// use summon::{TcpCoordinatedExecutor, probe::Listener};
    ///
    /// TcpCoordinatedExecutor::new("docker run -p {port}:80 nginx", "localhost", 0)
    ///     .listener(Listener::Any);
    /// ```
    pub fn listener(self, listener: Listener) -> Self {
        self.change(|spec| spec.listener = listener)
    }

    /// Passes the process a socket that already listens on its port, as systemd does
    /// (`sd_listen_fds(3)`): descriptor 3, with `LISTEN_FDS=1`, `LISTEN_PID`, and the name of the
    /// process in `LISTEN_FDNAMES`. Default: no.
    ///
    /// The kernel accepts connections from the start. So [`SimpleExecutor`] and
    /// [`TcpCoordinatedExecutor`] are ready after exec, and clients wait until the process serves
    /// them. With [`probe::udp`](crate::probe::udp) the socket receives datagrams.
    ///
    /// ```
    /// summon::SimpleExecutor::new("my-api").listen_fd(true);
    /// ```
    ///
    /// [`SimpleExecutor`]: crate::SimpleExecutor
    /// [`TcpCoordinatedExecutor`]: crate::TcpCoordinatedExecutor
    pub fn listen_fd(self, listen: bool) -> Self {
        self.change(|spec| spec.listen_fd = listen)
    }

    /// Puts a [`Link`](crate::Link) in front of the process. [`link`](crate::Process::link) returns it. The
    /// placeholders `{name.port}`, `{name.host}`, and `{name.url}` of other processes lead to the link.
    /// Readiness concerns the process itself. Default: no. In the attribute, write
    /// `link = true`. With [`nodes`](crate::Coordinated::nodes), each node gets a link of its own, and a
    /// test can [partition](crate::Cluster::partition) the cluster. In the attribute, write
    /// `links = true` then.
    ///
    /// ```no_run
    /// use summon::{SimpleExecutor, orchestrated, servers::Redis};
    ///
    /// let redis = Redis::new().named("redis").linked(true);
    /// let api = SimpleExecutor::new("my-api --redis 127.0.0.1:{redis.port}");
    /// let _scope = orchestrated((&redis, &api))?;
    /// redis.link()?.cut()?;                    // the API loses its Redis
    /// # Ok::<(), summon::Error>(())
    /// ```
    pub fn linked(self, linked: bool) -> Self {
        self.change(|spec| spec.linked = linked)
    }

    /// Starts this process when the named process of the set is ready, as a placeholder does.
    /// Default: after the processes in its placeholders, and in parallel with all others.
    ///
    /// ```
    /// summon::SimpleExecutor::new("my-worker").after("db");
    /// ```
    pub fn after(self, name: impl Into<String>) -> Self {
        self.change(|spec| spec.after.push(name.into()))
    }

    /// Fails the start at once when a line of output matches this banner, a regular expression as
    /// in [`probe::output`](crate::probe::output()). Default: none.
    ///
    /// ```
    /// summon::TcpCoordinatedExecutor::new("my-api --port {port}", "localhost", 0)
    ///     .unless("FATAL|panicked at");
    /// ```
    pub fn unless(self, banner: impl Into<String>) -> Self {
        self.change(|spec| spec.unless.push(banner.into()))
    }

    /// Sets the outcome of a test whose program is not there. [`Missing::Skip`] skips the test: it
    /// prints `SKIPPED: no redis-server in PATH`, and passes. In the attribute the value may be the
    /// text `"skip"` or `"fail"`. Default: the value of the variable `SUMMON_MISSING`, or else
    /// [`Missing::Fail`].
    ///
    /// ```
    /// use summon::{Missing, SimpleExecutor};
    ///
    /// let server = SimpleExecutor::new("no-such-program").missing(Missing::Skip);
    /// let error = server.start().unwrap_err();
    /// assert!(error.is_skipped() || std::env::var_os("CI").is_some());
    /// ```
    ///
    /// With `SUMMON_REQUIRE=1`, or if `CI` is set, the test fails. A variable counts as not set if
    /// it is empty, `0`, or `false`. `SUMMON_REQUIRE=0` allows skipping if `CI` is set.
    ///
    /// A program is not there if `PATH` has no such file, or if nothing is at its path. The same
    /// applies to the commands of [`before`](Coordinated::before) and
    /// [`before_once`](Coordinated::before_once). A program without its interpreter, without
    /// permission, or with a placeholder in its path counts as there. So does a program of your
    /// package (`bin`, `example`), a path if a command runs before, and a program that a shell runs.
    ///
    /// Only the attribute can skip a test. Without it, `start` returns an error for which
    /// [`is_skipped`](crate::Error::is_skipped) is true.
    pub fn missing(self, missing: Missing) -> Self {
        self.change(|spec| spec.missing = Some(missing))
    }

    /// Runs a command before the start, such as `initdb`, which must exit with code 0. It has the
    /// working directory and the environment of the process, and [`timeout`](Coordinated::timeout)
    /// includes it. No process that it starts outlives it. Several commands run one after the
    /// other. A restart does not repeat them, since the directory stays. Default: none.
    ///
    /// ```
    /// summon::SimpleExecutor::new("postgres -D {dir}/data").before("initdb -D {dir}/data");
    /// ```
    pub fn before(self, command: impl Into<Command>) -> Self {
        self.change(|spec| spec.before.push(command.into()))
    }

    /// Runs a command before the first start, and keeps its result for later starts, which copy it.
    /// This is for slow commands whose only effect is on `{dir}`, such as `initdb`. Several commands
    /// run one after the other, before the commands of [`before`](Coordinated::before), and have
    /// one result. Default: none.
    ///
    /// ```
    /// summon::SimpleExecutor::new("postgres -D {dir}/data").before_once("initdb -D {dir}/data");
    /// ```
    ///
    /// The command runs again if one of these is new: its words, the programs of the command and of
    /// the process, files that the words name, the files of [`with_file`](Coordinated::with_file)
    /// and [`with_dir`](Coordinated::with_dir), variables of [`env`](Coordinated::env), `LANG`,
    /// `LC_*`, `TZ`, the user, and the working directory. A program or a file is new if its path,
    /// size, or time of change is. The command must depend on nothing else. If its words have a
    /// placeholder other than `{dir}` and `{name}`, such as `{port}`, it runs for each start.
    ///
    /// summon keeps results in `<temp>/summon-<uid>-cache`, and removes each one a week after its
    /// last use. `SUMMON_CACHE` names another directory, and `SUMMON_CACHE=0` switches this off. If
    /// the cache can't be used, the command runs for each start.
    pub fn before_once(self, command: impl Into<Command>) -> Self {
        self.change(|spec| spec.before_once.push(command.into()))
    }

    /// Follows a program that forks away, as `Type=forking` in `systemd.service(5)`. When the
    /// program exits with code 0, its descendants become the process. Only then summon looks at the
    /// probe. Default: no, and the exit of the program is the end.
    ///
    /// If a program can stay in the foreground, let it: summon then sees its exit.
    ///
    /// ```
    /// summon::TcpCoordinatedExecutor::new("my-daemon --port {port}", "localhost", 0).daemon(true);
    /// ```
    pub fn daemon(self, daemon: bool) -> Self {
        self.change(|spec| spec.daemon = daemon)
    }
}
