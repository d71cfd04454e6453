//! The options of a process. Each builder method is also an option of the attribute.

use std::ffi::OsString;
use std::path::PathBuf;

use super::Coordinated;
use crate::command::Command;
use crate::contents::Contents;
use crate::limit::Limit;
use crate::numbers::ExitCodes;
use crate::probe::Listener;
use crate::size::Size;
use crate::stdin::Stdin;
use crate::sys::Signal;

impl<P> Coordinated<P> {
    /// Sets the name used in reports and in other processes' placeholders. Default: the name of the
    /// test's parameter, or else the program's file name without its extension.
    ///
    /// ```
    /// let db = summon::SimpleExecutor::new("sleep 100").named("db");
    /// assert_eq!(db.name(), "db");
    /// ```
    pub fn named(self, name: impl Into<String>) -> Self {
        self.change(|spec| spec.name = Some(name.into()))
    }

    /// Adds an argument. summon changes only its placeholders. Default: none.
    ///
    /// ```
    /// summon::SimpleExecutor::new("redis-server").arg("--save").arg("");
    /// ```
    pub fn arg(self, arg: impl Into<OsString>) -> Self {
        self.change(|spec| spec.args.push(arg.into()))
    }

    /// Adds arguments, like [`arg`](Coordinated::arg). Default: none.
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

    /// Sets environment variables, like [`env`](Coordinated::env).
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

    /// Removes an environment variable. Default: the process gets all variables of the test.
    ///
    /// ```
    /// summon::SimpleExecutor::new("my-api").env_remove("HTTP_PROXY");
    /// ```
    pub fn env_remove(self, name: impl Into<OsString>) -> Self {
        self.change(|spec| spec.env.push((name.into(), None)))
    }

    /// Sets the working directory. A relative path of the program starts there. Default: the
    /// directory of the test, which under cargo is the directory of the package.
    ///
    /// ```
    /// summon::SimpleExecutor::new("my-api").current_dir("{dir}");
    /// ```
    pub fn current_dir(self, dir: impl Into<PathBuf>) -> Self {
        self.change(|spec| spec.current_dir = Some(dir.into()))
    }

    /// Runs the command by `/bin/sh -c`, for variables and pipes. The process is then the shell;
    /// write `exec` before the last command, so that the command replaces the shell. summon quotes
    /// the values of placeholders for the shell, inside and outside of quotes. A value stays one
    /// word and the shell does not expand it: `{dir}/x`, `"{dir}/x"`, and `'{dir}/x'` are the same
    /// file. Default: no shell.
    ///
    /// ```
    /// summon::SimpleExecutor::new("exec my-api --home $HOME").shell(true);
    /// ```
    pub fn shell(self, shell: bool) -> Self {
        self.change(|spec| spec.shell = shell)
    }

    /// Limits how long `start` may take. Default: 30 s.
    ///
    /// ```
    /// summon::SimpleExecutor::new("my-api").timeout("500ms");
    /// ```
    pub fn timeout(self, limit: impl Into<Limit>) -> Self {
        self.change(|spec| spec.timeout = limit.into())
    }

    /// Sets the signal that asks the process to end. Default: [`Signal::TERM`].
    ///
    /// ```
    /// summon::SimpleExecutor::new("postgres").stop_signal(summon::Signal::INT);
    /// ```
    pub fn stop_signal(self, signal: Signal) -> Self {
        self.change(|spec| spec.stop_signal = signal)
    }

    /// Limits how long the process may take to end after the stop signal. Then summon kills it.
    /// Default: 10 s; zero kills at once. If the process asks for more time (`EXTEND_TIMEOUT_USEC`
    /// in `sd_notify(3)`), it gets at most ten times the limit, and at most 30 s more.
    ///
    /// ```
    /// summon::SimpleExecutor::new("my-api").stop_timeout("2s");
    /// ```
    pub fn stop_timeout(self, limit: impl Into<Limit>) -> Self {
        self.change(|spec| spec.stop_timeout = limit.into())
    }

    /// Makes an early end of the process a failure: `stop` returns an error, and a scope panics.
    /// Default: no, and summon writes a line to stderr. It is no failure if the test has signalled,
    /// killed, or waited for the process, or if a job is done: a process with
    /// [`probe::started`](crate::probe::started) that exits with code 0.
    ///
    /// ```
    /// summon::TcpCoordinatedExecutor::new("my-api --port {port}", "localhost", 0).must_live(true);
    /// ```
    pub fn must_live(self, must_live: bool) -> Self {
        self.change(|spec| spec.must_live = must_live)
    }

    /// Limits the wait for a fixed port. Tests with the same fixed port take turns, and
    /// [`timeout`](Coordinated::timeout) does not include this wait. Default: 10 min, or 30 s while
    /// the thread has another fixed port, since two tests may then wait for each other. It also
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

    /// Writes a file into the private directory before the start, such as the server's
    /// configuration, and fills in its placeholders. The name is a path below `{dir}`; summon also
    /// makes its directories. summon writes the file before the commands of
    /// [`before`](Coordinated::before). A restart does not write it again, so a test may change the
    /// file in between. Default: none.
    ///
    /// ```
    /// let config = "listener {port} 127.0.0.1\nallow_anonymous true\n";
    /// summon::SimpleExecutor::new("mosquitto -c {dir}/mosquitto.conf")
    ///     .with_file("mosquitto.conf", config);
    /// ```
    ///
    /// summon leaves other braces in the file as they are. `{{word}` is `{word}` ([`Coordinated`]).
    ///
    /// The file belongs to the user of the process, with mode 0600. [`Contents::mode`] sets another
    /// mode, for programs that change their user themselves. Such a program also needs
    /// [`dir_mode`](Coordinated::dir_mode) to reach the file.
    pub fn with_file(self, name: impl Into<PathBuf>, contents: impl Into<Contents>) -> Self {
        self.change(|spec| spec.files.push((name.into(), contents.into())))
    }

    /// Makes a directory below the private directory with this mode, independent of the umask.
    /// summon makes it before the files of [`with_file`](Coordinated::with_file). Default: none.
    ///
    /// ```
    /// summon::SimpleExecutor::new("my-queue --spool {dir}/spool").with_dir("spool", 0o700);
    /// ```
    pub fn with_dir(self, name: impl Into<PathBuf>, mode: u32) -> Self {
        self.change(|spec| spec.dirs.push((name.into(), mode)))
    }

    /// Sets the mode of the private directory, independent of the umask. The parent directories of
    /// [`with_file`](Coordinated::with_file) and [`with_dir`](Coordinated::with_dir) get the same
    /// mode. Default: `0o700`, only for the user of the process.
    ///
    /// Root may start a program that then changes its user itself, such as nginx with its workers.
    /// Such a program can't read root's directory with mode 0700. There are two remedies.
    /// [`user`](Coordinated::user) gives the directory to that user from the start. A mode lets
    /// other users in:
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
    /// With such a mode all users of the machine can read the files that allow it. The directory is
    /// then in `<temp>/summon-<uid>-open` with mode 0711: other users can pass through it, but
    /// can't list it. The log stays private.
    ///
    /// # Platform notes
    ///
    /// The temporary directory must let other users in too, like `/tmp`. On macOS it does not.
    pub fn dir_mode(self, mode: u32) -> Self {
        self.change(|spec| spec.dir_mode = mode)
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

    /// Runs a command after the whole process tree has ended, even if the test process was killed.
    /// Its limit is [`stop_timeout`](Coordinated::stop_timeout), and at least a second. If the
    /// command fails, [`stop`](crate::Process::stop) returns an error. Several commands run one
    /// after the other. Default: none.
    ///
    /// ```
    /// summon::SimpleExecutor::new("docker run --name summon-{port} redis")
    ///     .after_stop("docker rm -f summon-{port}");
    /// ```
    pub fn after_stop(self, command: impl Into<Command>) -> Self {
        self.change(|spec| spec.after_stop.push(command.into()))
    }

    /// Asks the process to end by a command instead of a signal. The command has the working
    /// directory and the environment of the process. If it fails, summon sends the stop signal. The
    /// grace period is the same. Default: none.
    ///
    /// ```
    /// summon::SimpleExecutor::new("postgres -D {dir}").stop_command("pg_ctl stop -m fast -D {dir}");
    /// ```
    pub fn stop_command(self, command: impl Into<Command>) -> Self {
        self.change(|spec| spec.stop_command = Some(command.into()))
    }

    /// Sends signals only to the program, for supervisors that forward signals to their own
    /// children. After the grace period summon still kills all descendants. Default: no, and the
    /// whole process group gets each signal.
    ///
    /// ```
    /// summon::SimpleExecutor::new("my-supervisor").signal_only_leader(true);
    /// ```
    pub fn signal_only_leader(self, only: bool) -> Self {
        self.change(|spec| spec.signal_only_leader = only)
    }

    /// Sets the exit codes that are a success at a stop: one, a range, or a list. A death by the
    /// stop signal is always a success. Default: 0, and 128 plus the number of the stop signal.
    ///
    /// ```
    /// summon::SimpleExecutor::new("my-api").expect_exit([0, 1]);
    /// ```
    pub fn expect_exit(self, codes: impl Into<ExitCodes>) -> Self {
        self.change(|spec| spec.expect_exit = Some(codes.into()))
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

    /// Sets the standard input of the process: a text, a file, or a pipe from the test. Default:
    /// `/dev/null`.
    ///
    /// ```
    /// summon::SimpleExecutor::new("my-worker").stdin("one line\n");
    /// ```
    pub fn stdin(self, stdin: impl Into<Stdin>) -> Self {
        self.change(|spec| spec.stdin = stdin.into())
    }

    /// Sets the umask of the process (`umask(2)`). Default: the umask of the test.
    ///
    /// ```
    /// summon::SimpleExecutor::new("my-api").umask(0o077);
    /// ```
    pub fn umask(self, mask: u32) -> Self {
        self.change(|spec| spec.attributes.umask = Some(mask))
    }

    /// Sets the nice value of the process and of its commands (`nice(2)`): from -20, which gets the
    /// most processor time, to 19. The system replaces a value outside of this range by the nearest
    /// one. Default: the nice value of the test.
    ///
    /// ```
    /// summon::SimpleExecutor::new("my-worker").nice(5);
    /// ```
    ///
    /// # Errors
    ///
    /// The start fails if the value is lower than the nice value of the test and the test may not
    /// lower it. Root may.
    pub fn nice(self, nice: i32) -> Self {
        self.change(|spec| spec.attributes.nice = Some(nice))
    }

    /// Runs the process and its commands as another user, with only that user's group. This is for
    /// programs that refuse to run as root, as in a container. The private directory belongs to the
    /// user. Default: the user of the test.
    ///
    /// ```
    /// summon::SimpleExecutor::new("postgres -D {dir}").user("postgres");
    /// ```
    ///
    /// # Platform notes
    ///
    /// Only root may do this. For all others, `start` returns an error if the user is not their
    /// own. summon does not change the environment.
    pub fn user(self, name: impl Into<String>) -> Self {
        self.change(|spec| spec.user = Some(name.into()))
    }

    /// Sets the beginning of the URLs.
    pub(crate) fn scheme(self, scheme: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        self.change(|spec| spec.scheme = scheme.into())
    }

    /// Also keeps standard output and standard error apart, for [`stdout`](crate::Process::stdout)
    /// and [`stderr`](crate::Process::stderr). Default: no. Both streams then share one pipe, as in
    /// a terminal, so [`output`](crate::Process::output) has the exact order of the writes.
    ///
    /// With two pipes, the order is the order of the reads. Two writes to different streams at
    /// about the same time may change places. The two further logs double the disk space.
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

    /// Limits the size of the log. summon keeps the beginning and the end of a longer output.
    /// Default: 64 MB.
    ///
    /// ```
    /// summon::SimpleExecutor::new("my-chatty-api").log_limit("1MB");
    /// ```
    ///
    /// # Platform notes
    ///
    /// If the file system has no holes (`fallocate(2)`), summon keeps only the beginning.
    pub fn log_limit(self, limit: impl Into<Size>) -> Self {
        self.change(|spec| spec.log_limit = limit.into())
    }
}
