//! Options of a process that runs in a container.

use std::ffi::OsString;

use crate::executor::Coordinated;
use crate::image::Pull;

impl<P> Coordinated<P> {
    /// Runs an image by Docker or Podman, instead of a program of this machine. The text of the kind
    /// then has the arguments of the container, and may be empty. Default: no image.
    ///
    /// ```
    /// use summon::TcpCoordinatedExecutor;
    ///
    /// // The port is the one inside. `redis.port()` is a free port of 127.0.0.1 that leads to it.
    /// let redis = TcpCoordinatedExecutor::new("--save ''", "localhost", 6379).image("redis:7");
    /// assert_eq!(redis.name(), "redis");
    /// assert_ne!(redis.port(), 6379);
    /// ```
    ///
    /// The container has only those variables of the environment that [`env`](Coordinated::env)
    /// sets. `{port}` is the port inside, also in arguments, and `{host}` is `0.0.0.0`: a server in
    /// a container must listen there to be reached. The [guide](crate::guide::images) has more.
    pub fn image(self, image: impl Into<String>) -> Self {
        self.change(|spec| spec.container.image = Some(image.into()))
    }

    /// Replaces the program that the [image](Coordinated::image) runs. The text of the kind has its
    /// arguments. Default: the entry point of the image.
    ///
    /// ```
    /// summon::SimpleExecutor::new("--version").image("redis:7").entrypoint("redis-cli");
    /// ```
    pub fn entrypoint(self, program: impl Into<OsString>) -> Self {
        self.change(|spec| spec.container.entrypoint = Some(program.into()))
    }

    /// Shows a directory or a file of this machine in the container of an
    /// [image](Coordinated::image). Both paths are absolute, and the first one exists and has no `:`;
    /// otherwise the start fails. Default: none.
    ///
    /// ```
    /// summon::TcpCoordinatedExecutor::new("", "localhost", 80)
    ///     .image("nginx:1.27")
    ///     .mount(concat!(env!("CARGO_MANIFEST_DIR"), "/docs"), "/usr/share/nginx/html");
    /// ```
    pub fn mount(self, outside: impl Into<OsString>, inside: impl Into<OsString>) -> Self {
        self.change(|spec| {
            let mount = (outside.into(), inside.into());
            spec.container.mounts.push(mount);
        })
    }

    /// Runs a small init program as process 1 of the container of an [image](Coordinated::image). It
    /// passes signals on and reaps orphans. Use it for programs that are not made to be process 1.
    /// Default: no.
    ///
    /// ```
    /// summon::SimpleExecutor::new("sleep 100").image("debian:12").init(true);
    /// ```
    pub fn init(self, init: bool) -> Self {
        self.change(|spec| spec.container.init = init)
    }

    /// Sets the platform of the [image](Coordinated::image), such as `linux/amd64`. Default: the
    /// platform of this machine.
    ///
    /// ```
    /// summon::SimpleExecutor::new("").image("my-worker").platform("linux/amd64");
    /// ```
    pub fn platform(self, platform: impl Into<String>) -> Self {
        self.change(|spec| spec.container.platform = Some(platform.into()))
    }

    /// Sets when summon pulls the [image](Coordinated::image). In the attribute the value may be the text
    /// `"missing"`, `"always"`, or `"never"`. Default: [`Pull::Missing`], once for all processes of the
    /// run. [`timeout`](Coordinated::timeout) does not include the pull.
    ///
    /// ```
    /// use summon::{Pull, SimpleExecutor};
    ///
    /// SimpleExecutor::new("").image("my-worker:nightly").pull(Pull::Always);
    /// ```
    pub fn pull(self, pull: Pull) -> Self {
        self.change(|spec| spec.container.pull = pull)
    }

    /// Adds arguments to the engine's `create` command for an [image](Coordinated::image), for what
    /// has no option of its own. Default: none. With an argument that only summon may give, such as `--name` or
    /// `--rm`, the start fails. The [guide](crate::guide::images#what-differs-from-a-program) lists these.
    ///
    /// ```
    /// summon::SimpleExecutor::new("").image("my-worker").engine_args(["--shm-size", "256m"]);
    /// ```
    pub fn engine_args<A: Into<OsString>>(self, args: impl IntoIterator<Item = A>) -> Self {
        self.change(|spec| {
            let args = args.into_iter().map(Into::into);
            spec.container.engine_args.extend(args);
        })
    }
}
