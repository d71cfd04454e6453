//! Everything that can be said about a process: each method is an option of the attribute too.

use std::ffi::OsString;
use std::path::PathBuf;

use super::Coordinated;
use crate::command::Command;
use crate::contents::Contents;
use crate::exit_codes::ExitCodes;
use crate::limit::Limit;
use crate::probe::Listener;
use crate::size::Size;
use crate::stdin::Stdin;
use crate::sys::Signal;

impl<P> Coordinated<P> {
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
    /// summon::SimpleExecutor::new("redis-server").arg("--save").arg("");
    /// ```
    pub fn arg(self, arg: impl Into<OsString>) -> Self {
        self.change(|spec| spec.args.push(arg.into()))
    }

    /// Adds arguments, as [`arg`](Coordinated::arg) does. Default: none.
    ///
    /// ```
    /// summon::SimpleExecutor::new("redis-server").args(["--save", ""]);
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
    /// that is started; put `exec` before the last command, so that it becomes that one. The value
    /// of a placeholder is quoted for the shell, in and outside of quotes, so it stays one word and
    /// is not expanded: `{dir}/x`, `"{dir}/x"` and `'{dir}/x'` are the same file. Default: no shell.
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
    /// kills at once. If it asks for more time (`EXTEND_TIMEOUT_USEC` in `sd_notify(3)`), it gets at
    /// most ten times as long, and at most 30 s more.
    ///
    /// ```
    /// summon::SimpleExecutor::new("my-api").stop_timeout("2s");
    /// ```
    pub fn stop_timeout(self, limit: impl Into<Limit>) -> Self {
        self.change(|spec| spec.stop_timeout = limit.into())
    }

    /// Makes it a failure if the process ends by itself before it is stopped: `stop` returns an
    /// error, and a scope panics. Default: no, and then a line on stderr says so. A process that a
    /// test has signalled, killed or waited for has not ended by itself, nor has a job that is done:
    /// one with [`probe::started`](crate::probe::started) that exits with code 0.
    ///
    /// ```
    /// summon::TcpCoordinatedExecutor::new("my-api --port {port}", "localhost", 0).must_live(true);
    /// ```
    pub fn must_live(self, must_live: bool) -> Self {
        self.change(|spec| spec.must_live = must_live)
    }

    /// Gives the wait for a fixed port so long: tests that want the same one take turns, and this
    /// is not charged to [`timeout`](Coordinated::timeout). Default: 10 min, or 30 s while the
    /// thread has another fixed port, since two tests may then wait for each other. It also bounds the
    /// wait, of 90 s at most, for connections that hold a port.
    ///
    /// ```
    /// summon::TcpCoordinatedExecutor::new("my-api", "localhost", 8080).turn_timeout("1m");
    /// ```
    pub fn turn_timeout(self, limit: impl Into<Limit>) -> Self {
        self.change(|spec| spec.turn_timeout = limit.into())
    }

    /// Uses a server that runs on the fixed port already, instead of failing, and then stops
    /// nothing. Default: no. Without a fixed port it is an error of the start. Usual is to do so
    /// everywhere but in CI:
    ///
    /// ```
    /// summon::TcpCoordinatedExecutor::new("my-api", "localhost", 8080)
    ///     .reuse(std::env::var_os("CI").is_none());
    /// ```
    pub fn reuse(self, reuse: bool) -> Self {
        self.change(|spec| spec.reuse = reuse)
    }

    /// Sets whose listener on the port means ready. [`Listener::Any`] is for programs that pass their
    /// port to another process, such as a container engine. In the attribute the value may be the
    /// text `"own"` or `"any"`. Default: [`Listener::Own`], the process and its descendants.
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

    /// Starts after that process of the set is ready, as a placeholder would have it. Default:
    /// after those in its placeholders, and side by side with all others.
    ///
    /// ```
    /// summon::SimpleExecutor::new("my-worker").after("db");
    /// ```
    pub fn after(self, name: impl Into<String>) -> Self {
        self.change(|spec| spec.after.push(name.into()))
    }

    /// Gives up at once when a line of output matches this banner, a regular expression as in
    /// [`probe::output`](crate::probe::output()): it means failure. Default: none.
    ///
    /// ```
    /// summon::TcpCoordinatedExecutor::new("my-api --port {port}", "localhost", 0)
    ///     .unless("FATAL|panicked at");
    /// ```
    pub fn unless(self, banner: impl Into<String>) -> Self {
        self.change(|spec| spec.unless.push(banner.into()))
    }

    /// Gives the process a socket that listens on its port already, as systemd does
    /// (`sd_listen_fds(3)`): descriptor 3, with `LISTEN_FDS=1`, `LISTEN_PID`, and in
    /// `LISTEN_FDNAMES` the name of the process. Default: no.
    ///
    /// Connections are accepted by the system from the start, so with [`SimpleExecutor`] and with
    /// [`TcpCoordinatedExecutor`] it is ready as soon as it has been exec'ed, and clients wait until
    /// it serves them. With [`probe::udp`](crate::probe::udp) the socket is one for datagrams.
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

    /// Writes a file into the private directory first, such as the server's configuration, with its
    /// placeholders filled in. The name is a path below `{dir}`, whose directories are made too. It is
    /// there before the commands of [`before`](Coordinated::before), and is not written again when the
    /// process is restarted, so that a test may change it between. Default: none.
    ///
    /// ```
    /// let config = "listener {port} 127.0.0.1\nallow_anonymous true\n";
    /// summon::SimpleExecutor::new("mosquitto -c {dir}/mosquitto.conf")
    ///     .with_file("mosquitto.conf", config);
    /// ```
    ///
    /// Braces of the file's own language are text where they can't be placeholders; `{{word}` is
    /// `{word}` ([`Coordinated`]).
    ///
    /// The file belongs to the user of the process, with mode 0600. [`Contents::mode`] sets another
    /// mode, for programs that change their user by themselves; such a program needs
    /// [`dir_mode`](Coordinated::dir_mode) too, to reach the file.
    pub fn with_file(self, name: impl Into<PathBuf>, contents: impl Into<Contents>) -> Self {
        self.change(|spec| spec.files.push((name.into(), contents.into())))
    }

    /// Makes a directory below the private directory first, with this mode, whatever the umask. It is
    /// there before the files of [`with_file`](Coordinated::with_file). Default: none.
    ///
    /// ```
    /// summon::SimpleExecutor::new("my-queue --spool {dir}/spool").with_dir("spool", 0o700);
    /// ```
    pub fn with_dir(self, name: impl Into<PathBuf>, mode: u32) -> Self {
        self.change(|spec| spec.dirs.push((name.into(), mode)))
    }

    /// Sets the mode of the private directory, whatever the umask. Directories on the way to a file of
    /// [`with_file`](Coordinated::with_file) or [`with_dir`](Coordinated::with_dir) get it too.
    /// Default: `0o700`, for the user of the process alone.
    ///
    /// A program that root starts and that then changes its user by itself, such as nginx with its
    /// workers, reaches nothing in a directory of root's with mode 0700. There are two remedies:
    /// [`user`](Coordinated::user), with which all of it belongs to that user from the start, or a mode
    /// that lets others in:
    ///
    /// ```
    /// use summon::{Contents, SimpleExecutor};
    ///
    /// SimpleExecutor::new("nginx -c {dir}/nginx.conf")
    ///     .dir_mode(0o755)
    ///     .with_file("nginx.conf", "user www-data; ..")
    ///     .with_file("www/index.html", Contents::new("Hello, Lisa.\n").mode(0o644))
    ///     .with_dir("uploads", 0o1777);
    /// ```
    ///
    /// With such a mode all users of the machine reach what its files let them. The directory is then
    /// in `<temp>/summon-<uid>-open`, whose mode is 0711: others pass through it, and can't list it. The
    /// log stays private.
    ///
    /// # Platform notes
    ///
    /// The temporary directory must let others in too, as `/tmp` does. That of macOS does not.
    pub fn dir_mode(self, mode: u32) -> Self {
        self.change(|spec| spec.dir_mode = mode)
    }

    /// Runs a command first, such as `initdb`, which must exit with code 0. It runs where the process
    /// does and with its environment, and is charged to [`timeout`](Coordinated::timeout). Nothing
    /// that it starts outlives it. Several run one after the other. They are not run again when the
    /// process is restarted, since its directory stays. Default: none.
    ///
    /// ```
    /// summon::SimpleExecutor::new("postgres -D {dir}/data").before("initdb -D {dir}/data");
    /// ```
    pub fn before(self, command: impl Into<Command>) -> Self {
        self.change(|spec| spec.before.push(command.into()))
    }

    /// Runs a command when nothing is left of the process, also if the test process was killed
    /// meanwhile. It has as long as [`stop_timeout`](Coordinated::stop_timeout), and a second at
    /// least; if it fails, so does [`stop`](crate::Process::stop). Several run one after the other.
    /// Default: none.
    ///
    /// ```
    /// summon::SimpleExecutor::new("docker run --name summon-{port} redis")
    ///     .after_stop("docker rm -f summon-{port}");
    /// ```
    pub fn after_stop(self, command: impl Into<Command>) -> Self {
        self.change(|spec| spec.after_stop.push(command.into()))
    }

    /// Asks the process to end with a command instead of a signal. It runs where the process does
    /// and with its environment; if it fails, the stop signal is sent after all. The grace is the
    /// same. Default: none.
    ///
    /// ```
    /// summon::SimpleExecutor::new("postgres -D {dir}").stop_command("pg_ctl stop -m fast -D {dir}");
    /// ```
    pub fn stop_command(self, command: impl Into<Command>) -> Self {
        self.change(|spec| spec.stop_command = Some(command.into()))
    }

    /// Sends signals to the program alone, for programs that tell their children themselves, and do
    /// not like it if others do. What is left after the grace is killed all the same. Default: no,
    /// the whole process group hears them.
    ///
    /// ```
    /// summon::SimpleExecutor::new("my-supervisor").signal_only_leader(true);
    /// ```
    pub fn signal_only_leader(self, only: bool) -> Self {
        self.change(|spec| spec.signal_only_leader = only)
    }

    /// Takes these exit codes for a good end, when it is stopped: one, a range, or a list. Default: 0,
    /// and 128 plus the number of the stop signal. To die of the stop signal is always fine.
    ///
    /// ```
    /// summon::SimpleExecutor::new("my-api").expect_exit([0, 1]);
    /// ```
    pub fn expect_exit(self, codes: impl Into<ExitCodes>) -> Self {
        self.change(|spec| spec.expect_exit = Some(codes.into()))
    }

    /// Follows a program that forks away, as `Type=forking` in `systemd.service(5)`: when it exits
    /// with code 0, the descendants that it leaves behind are taken for the process, and only then is
    /// it asked whether that is ready. Default: no, its exit is the end.
    ///
    /// A program that can stay in the foreground should do so: then its own exit is seen.
    ///
    /// ```
    /// summon::TcpCoordinatedExecutor::new("my-daemon --port {port}", "localhost", 0).daemon(true);
    /// ```
    pub fn daemon(self, daemon: bool) -> Self {
        self.change(|spec| spec.daemon = daemon)
    }

    /// Gives the process something to read: a text, a file, or what the test writes. Default:
    /// nothing, `/dev/null`.
    ///
    /// ```
    /// summon::SimpleExecutor::new("my-worker").stdin("one line\n");
    /// ```
    pub fn stdin(self, stdin: impl Into<Stdin>) -> Self {
        self.change(|spec| spec.stdin = stdin.into())
    }

    /// Sets the permissions that files of the process do not get (`umask(2)`). Default: those of the
    /// test.
    ///
    /// ```
    /// summon::SimpleExecutor::new("my-api").umask(0o077);
    /// ```
    pub fn umask(self, mask: u32) -> Self {
        self.change(|spec| spec.attributes.umask = Some(mask))
    }

    /// Sets the nice value of the process and of its commands (`nice(2)`): from -20, which gets the
    /// most processor time, to 19. The system takes a value beyond these as the nearest one. Default:
    /// that of the test.
    ///
    /// ```
    /// summon::SimpleExecutor::new("my-worker").nice(5);
    /// ```
    ///
    /// # Errors
    ///
    /// The start fails if the value is lower than that of the test, unless the test may lower it, as
    /// root can.
    pub fn nice(self, nice: i32) -> Self {
        self.change(|spec| spec.attributes.nice = Some(nice))
    }

    /// Runs the process, and the commands that go with it, as another user, with that user's group
    /// and no other: for programs that refuse to be run by root, as in a container. Its private
    /// directory belongs to the user. Default: the user of the test.
    ///
    /// ```
    /// summon::SimpleExecutor::new("postgres -D {dir}").user("postgres");
    /// ```
    ///
    /// # Platform notes
    ///
    /// Only root may do so; it is an error of the start if somebody else asks for another user than
    /// himself. The environment is not changed.
    pub fn user(self, name: impl Into<String>) -> Self {
        self.change(|spec| spec.user = Some(name.into()))
    }

    /// What its URLs begin with.
    pub(crate) fn scheme(self, scheme: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        self.change(|spec| spec.scheme = scheme.into())
    }

    /// Keeps standard output and standard error apart besides, for
    /// [`stdout`](crate::Process::stdout) and [`stderr`](crate::Process::stderr). Default: no, both are
    /// one pipe, as of a terminal, so that [`output`](crate::Process::output) has them exactly in the
    /// order in which they were written.
    ///
    /// With two pipes that order is the one in which they are read, so what is written to both at about
    /// the same time may be in another one; and a log of its own for each takes as much space again.
    ///
    /// ```
    /// let job = summon::SimpleExecutor::new("sh -c 'echo one; echo two >&2'").split_output(true);
    /// job.start()?;
    /// job.wait("5s")?;
    /// assert_eq!(job.stdout(), b"one\n");
    /// assert_eq!(job.stderr(), b"two\n");
    /// # Ok::<(), summon::Error>(())
    /// ```
    pub fn split_output(self, split: bool) -> Self {
        self.change(|spec| spec.split_output = split)
    }

    /// Bounds the log: of an output that is longer, the beginning and the end are kept. Default: 64 MB.
    ///
    /// ```
    /// summon::SimpleExecutor::new("my-chatty-api").log_limit("1MB");
    /// ```
    ///
    /// # Platform notes
    ///
    /// On a file system that knows no holes (`fallocate(2)`) the beginning alone is kept.
    pub fn log_limit(self, limit: impl Into<Size>) -> Self {
        self.change(|spec| spec.log_limit = limit.into())
    }
}
