//! A command and a probe, and the builder of everything about them.

use std::ffi::OsString;
use std::fmt;
use std::ops::Deref;
use std::panic::Location;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use super::Executor;
use crate::command::Command;
use crate::error::Error;
use crate::limit::Limit;
use crate::probe::{self, Http, Output, Probe, Started, Statuses, Tcp, Whose};
use crate::process::{Process, Spec};
use crate::sys::Signal;

/// A command and a probe: the executor that starts a program and knows when it is ready.
///
/// Its flavours have names of their own: [`SimpleExecutor`], [`OutputCoordinatedExecutor`],
/// [`TcpCoordinatedExecutor`] and [`HttpCoordinatedExecutor`]. It derefs to its [`Process`], where
/// the name, the port, the output and the verbs are. Dropping it stops the process.
///
/// A builder method on an executor that was used already keeps its ports and its directory, and
/// stops it if it runs.
///
/// Constructors and builder methods never fail: what is wrong with a command, a pattern or a URL
/// is the error of [`start`](Process::start).
///
/// In the command, its arguments, the values of environment variables, the working directory and
/// URLs, these placeholders are filled in, each within its own argument:
///
/// | placeholder | value |
/// | --- | --- |
/// | `{port}` | the port: a free one, unless the executor was given another |
/// | `{port:admin}` | a further free port, by a label of your own |
/// | `{host}` | the host, `localhost` by default |
/// | `{dir}` | a private directory, empty at first, removed afterwards |
/// | `{name}` | the name of the process |
/// | `{db.port}` | the same of another process in the set, which then starts first |
///
/// `{{` is a brace, and `${word}` and other text in braces, such as JSON, are left alone.
#[must_use = "an executor does nothing until it is started"]
pub struct Coordinated<P> {
    spec: Spec,
    probe: Arc<P>,
    /// Made at the first use as a process.
    process: OnceLock<Process>,
    /// What was made of an older plan. The next one takes over its ports and its directory.
    before: Option<Process>,
}

/// Ready when the program has been exec'ed.
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

/// Ready when a line of output matches a banner, a regular expression
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

/// Ready when it listens on `host:port` ([details](crate::probe::tcp)).
///
/// ```no_run
/// use summon::TcpCoordinatedExecutor;
///
/// let redis = TcpCoordinatedExecutor::new("redis-server --port {port}", "localhost", 0);
/// redis.start()?;
/// let client = std::net::TcpStream::connect(redis.addr());
/// # Ok::<(), summon::Error>(())
/// ```
pub type TcpCoordinatedExecutor = Coordinated<Tcp>;

/// Ready when a URL answers as expected ([details](crate::probe::http)).
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
    /// Runs `command`; ready when the program has been exec'ed.
    #[track_caller]
    pub fn new(command: impl Into<Command>) -> SimpleExecutor {
        Coordinated::with(command, probe::started())
    }
}

impl OutputCoordinatedExecutor {
    /// Runs `command`; ready when a line of its output matches `banner`, a regular expression.
    #[track_caller]
    pub fn new(
        command: impl Into<Command>,
        banner: impl Into<String>,
    ) -> OutputCoordinatedExecutor {
        Coordinated::with(command, probe::output(banner))
    }
}

impl TcpCoordinatedExecutor {
    /// Runs `command`; ready when it listens on `host:port`. Port 0 means a free one, which the
    /// command gets by `{port}`.
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
    /// Runs `command`; ready when `url` answers, by default with a status of 200 to 299.
    #[track_caller]
    pub fn new(command: impl Into<Command>, url: impl Into<String>) -> HttpCoordinatedExecutor {
        Coordinated::with(command, probe::http(url))
    }

    /// Asks with this method. Default: `GET`.
    ///
    /// ```
    /// # let url = "http://localhost:{port}/";
    /// summon::HttpCoordinatedExecutor::new("my-api", url).method("HEAD");
    /// ```
    pub fn method(self, method: impl Into<String>) -> Self {
        self.ask(|probe| probe.method = method.into())
    }

    /// Takes these statuses for ready: one, a range, or a list. Default: `200..300`.
    ///
    /// ```
    /// # let url = "http://localhost:{port}/";
    /// summon::HttpCoordinatedExecutor::new("my-api", url).status([200, 401]);
    /// ```
    pub fn status(self, status: impl Into<Statuses>) -> Self {
        self.ask(|probe| probe.statuses = status.into())
    }

    /// Asks with this header too. Default: `Host`, `Connection` and `User-Agent` alone.
    ///
    /// ```
    /// # let url = "http://localhost:{port}/";
    /// summon::HttpCoordinatedExecutor::new("my-api", url).header("Accept", "text/plain");
    /// ```
    pub fn header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.ask(|probe| probe.headers.push((name.into(), value.into())))
    }

    /// Asks with this body. Default: none.
    ///
    /// ```
    /// # let url = "http://localhost:{port}/";
    /// summon::HttpCoordinatedExecutor::new("my-api", url).method("POST").body("{}");
    /// ```
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        self.ask(|probe| probe.body = body.into())
    }

    fn ask(mut self, change: impl FnOnce(&mut Http)) -> Self {
        change(Arc::make_mut(&mut self.probe));
        self.plan_anew();
        self
    }
}

impl<P> Coordinated<P> {
    /// Runs `command`; ready when `probe` says so: one of [`probe`](crate::probe), or your own.
    ///
    /// ```
    /// use summon::{Coordinated, probe};
    ///
    /// let server = Coordinated::with("sh -c 'echo up; exec sleep 100'", probe::output("up"));
    /// server.start()?;
    /// # Ok::<(), summon::Error>(())
    /// ```
    #[track_caller]
    pub fn with(command: impl Into<Command>, probe: P) -> Coordinated<P>
    where
        P: Probe,
    {
        Coordinated {
            spec: Spec::new(command.into(), Location::caller()),
            probe: Arc::new(probe),
            process: OnceLock::new(),
            before: None,
        }
    }

    fn change(mut self, change: impl FnOnce(&mut Spec)) -> Self {
        change(&mut self.spec);
        self.plan_anew();
        self
    }

    /// Whatever was made of the older plan is not what this executor means any more.
    fn plan_anew(&mut self) {
        if let Some(made) = self.process.take() {
            // Nobody else has it, and nobody will ask for the outcome; its guard sees to the rest.
            let _ = made.stop();
            self.before = Some(made);
        }
    }

    /// Calls the process so, in errors and in placeholders of others. Default: the name of the
    /// test's parameter, or else the program's file name without its extension.
    ///
    /// ```
    /// let db = summon::SimpleExecutor::new("sleep 100").named("db");
    /// assert_eq!(db.name(), "db");
    /// ```
    pub fn named(self, name: impl Into<String>) -> Self {
        self.change(|spec| spec.name = Some(name.into()))
    }

    /// Adds an argument, which is taken as it is but for placeholders. Default: none.
    ///
    /// ```
    /// summon::SimpleExecutor::new("redis-server").arg("--port").arg("{port}");
    /// ```
    pub fn arg(self, arg: impl Into<OsString>) -> Self {
        self.change(|spec| spec.args.push(arg.into()))
    }

    /// Adds arguments, as [`arg`](Coordinated::arg) does. Default: none.
    ///
    /// ```
    /// summon::SimpleExecutor::new("redis-server").args(["--port", "{port}"]);
    /// ```
    pub fn args<A: Into<OsString>>(self, args: impl IntoIterator<Item = A>) -> Self {
        self.change(|spec| spec.args.extend(args.into_iter().map(Into::into)))
    }

    /// Sets an environment variable. Default: the environment of the test when the process starts.
    ///
    /// ```
    /// summon::SimpleExecutor::new("my-api").env("PORT", "{port}");
    /// ```
    pub fn env(self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.change(|spec| spec.env.push((name.into(), Some(value.into()))))
    }

    /// Sets environment variables, as [`env`](Coordinated::env) does.
    ///
    /// ```
    /// summon::SimpleExecutor::new("my-api").envs([("PORT", "{port}"), ("RUST_LOG", "debug")]);
    /// ```
    pub fn envs<N: Into<OsString>, V: Into<OsString>>(
        self,
        vars: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let vars = vars
            .into_iter()
            .map(|(name, value)| (name.into(), Some(value.into())));
        self.change(|spec| spec.env.extend(vars))
    }

    /// Removes an environment variable. Default: all of the test's are passed on.
    ///
    /// ```
    /// summon::SimpleExecutor::new("my-api").env_remove("HTTP_PROXY");
    /// ```
    pub fn env_remove(self, name: impl Into<OsString>) -> Self {
        self.change(|spec| spec.env.push((name.into(), None)))
    }

    /// Runs in this directory; a program given by a relative path is looked for from there.
    /// Default: the directory of the test, which under cargo is that of its package.
    ///
    /// ```
    /// summon::SimpleExecutor::new("my-api").current_dir("{dir}");
    /// ```
    pub fn current_dir(self, dir: impl Into<PathBuf>) -> Self {
        self.change(|spec| spec.current_dir = Some(dir.into()))
    }

    /// Has `/bin/sh -c` run the command, for variables and pipes. The shell is then the program
    /// that is started; put `exec` before the last command, so that it becomes that one.
    /// Default: no shell.
    ///
    /// ```
    /// summon::SimpleExecutor::new("exec my-api --home $HOME").shell(true);
    /// ```
    pub fn shell(self, shell: bool) -> Self {
        self.change(|spec| spec.shell = shell)
    }

    /// Gives a start so long, from the call until ready. Default: 30 s.
    ///
    /// ```
    /// summon::SimpleExecutor::new("my-api").timeout("500ms");
    /// ```
    pub fn timeout(self, limit: impl Into<Limit>) -> Self {
        self.change(|spec| spec.timeout = limit.into())
    }

    /// Asks the process to end with this signal. Default: [`Signal::TERM`].
    ///
    /// ```
    /// summon::SimpleExecutor::new("postgres").stop_signal(summon::Signal::INT);
    /// ```
    pub fn stop_signal(self, signal: Signal) -> Self {
        self.change(|spec| spec.stop_signal = signal)
    }

    /// Gives it so long to end after the stop signal; then it is killed. Default: 10 s; zero
    /// kills at once.
    ///
    /// ```
    /// summon::SimpleExecutor::new("my-api").stop_timeout("2s");
    /// ```
    pub fn stop_timeout(self, limit: impl Into<Limit>) -> Self {
        self.change(|spec| spec.stop_timeout = limit.into())
    }

    /// Gives the wait for a fixed port so long: tests that want the same one take turns, and this
    /// is not charged to [`timeout`](Coordinated::timeout). Default: 10 min, or 30 s while the
    /// thread has another fixed port, since two tests may then wait for each other.
    ///
    /// ```
    /// summon::TcpCoordinatedExecutor::new("my-api", "localhost", 8080).turn_timeout("1m");
    /// ```
    pub fn turn_timeout(self, limit: impl Into<Limit>) -> Self {
        self.change(|spec| spec.turn_timeout = limit.into())
    }

    /// Uses a server that runs on the fixed port already, instead of failing, and then stops
    /// nothing. Default: no. Usual is to do so everywhere but in CI:
    ///
    /// ```
    /// summon::TcpCoordinatedExecutor::new("my-api", "localhost", 8080)
    ///     .reuse(std::env::var_os("CI").is_none());
    /// ```
    pub fn reuse(self, reuse: bool) -> Self {
        self.change(|spec| spec.reuse = reuse)
    }

    /// Says whose listener on the port means ready: that of the process and its descendants, or
    /// `"any"`, for programs that hand their port to someone else, such as a container engine.
    /// Default: `"own"`.
    ///
    /// ```
    /// summon::TcpCoordinatedExecutor::new("docker run -p {port}:80 nginx", "localhost", 0)
    ///     .listener("any");
    /// ```
    pub fn listener(self, whose: impl Into<Whose>) -> Self {
        self.change(|spec| spec.listener = whose.into())
    }

    /// Starts after that process of the set is ready, as a placeholder would have it. Default:
    /// after those in its placeholders, and side by side with all others.
    ///
    /// ```
    /// summon::SimpleExecutor::new("my-worker").after("db");
    /// ```
    pub fn after(self, name: impl Into<String>) -> Self {
        self.change(|spec| spec.after.push(name.into()))
    }
}

impl<P: Probe> Deref for Coordinated<P> {
    type Target = Process;

    fn deref(&self) -> &Process {
        self.process.get_or_init(|| {
            let probe: Arc<dyn Probe> = Arc::clone(&self.probe) as _;
            let process = Process::new(self.spec.clone(), probe);
            if let Some(before) = &self.before {
                process.take_over(before);
            }
            process
        })
    }
}

impl<P: Probe> Executor for Coordinated<P> {
    fn start(&self) -> Result<(), Error> {
        (**self).start()
    }

    fn stop(&self) -> Result<(), Error> {
        (**self).stop()
    }

    fn process(&self) -> Option<&Process> {
        Some(self)
    }
}

impl<P: Probe> fmt::Debug for Coordinated<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
