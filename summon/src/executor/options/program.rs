//! Options of the program: its command, its environment, its user, and its output.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::executor::Coordinated;
use crate::size::Size;
use crate::stdin::Stdin;

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
    /// Only root may do this, except with an [image](crate::guide::images), where it is a user of the image. For all others, `start` returns an error if the user is not their
    /// own. summon does not change the environment.
    pub fn user(self, name: impl Into<String>) -> Self {
        self.change(|spec| spec.user = Some(name.into()))
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

    /// Sets the beginning of the URLs.
    pub(crate) fn scheme(self, scheme: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        self.change(|spec| spec.scheme = scheme.into())
    }
}
