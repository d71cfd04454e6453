// The links of the README. Markdown takes the first definition of a label, so rustdoc uses these. GitHub
// does not see them, and uses the README's own definitions, which lead to docs.rs.
//! [`Coordinated`]: Coordinated
//! [`Executor`]: Executor
//! [`HttpCoordinatedExecutor`]: HttpCoordinatedExecutor
//! [`OutputCoordinatedExecutor`]: OutputCoordinatedExecutor
//! [`Probe`]: probe::Probe
//! [`SimpleExecutor`]: SimpleExecutor
//! [`TcpCoordinatedExecutor`]: TcpCoordinatedExecutor
//! [`fixture`]: macro@fixture
//! [`probe::exec`]: probe::exec()
//! [`probe::file`]: probe::file()
//! [`probe::notify`]: probe::notify()
//! [`probe::udp`]: probe::udp()
//! [`probe::unix`]: probe::unix()
//! [`servers`]: servers
//! [keys]: macro@summon
//! [clusters]: guide::clusters
//! [comparison]: guide::comparison
//! [compile errors]: guide::compile_errors
//! [databases]: guide::databases
//! [debugging]: guide::debugging
//! [ecosystem]: guide::ecosystem
//! [executors]: guide::executors
//! [failures]: guide::failures
//! [fixtures]: guide::fixtures
//! [lifecycle]: guide::lifecycle
//! [images]: guide::images
//! [links]: guide::links
//! [own service]: guide::own_service
//! [platforms]: guide::platforms
//! [ports]: guide::ports
//! [readiness]: guide::readiness
//! [recipes]: guide::recipes
//!
// On GitHub the picture is a file beside the README. rustdoc copies no files, so here it is a data URL.
#![doc = concat!("[picture]: data:image/svg+xml;base64,", include_str!("../docs/how-it-works.svg.base64"))]
// `cargo package` copies the README into the package. In both places this variable names the README.
#![doc = include_str!(concat!("../", env!("CARGO_PKG_README")))]
// On docs.rs, items that need a feature or a system say so. The attribute exists on nightly only.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::unwrap_used)]
#![allow(
    clippy::test_attr_in_doctest,
    reason = "the README shows tests as they stand in a file; tests/it/readme.rs runs them"
)]

#[doc(hidden)]
pub mod __private;
mod annotation;
mod cluster;
mod command;
mod contents;
mod database;
mod error;
mod exec_error;
mod executor;
mod find_program;
mod fixture;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(unix)]
mod guard;
#[cfg(windows)]
#[path = "guard/windows.rs"]
mod guard;
pub mod guide;
mod hold;
mod image;
mod limit;
mod link;
mod missing;
mod never;
mod number_set;
mod orchestrator;
mod output;
mod panicked;
mod port;
pub mod probe;
mod process;
mod progress;
pub mod servers;
mod session;
mod shell_quoting;
mod size;
mod skipped;
mod small_map;
mod stdin;
mod sys;
mod trace;
mod tuples;

pub use cluster::Cluster;
pub use command::Command;
pub use contents::Contents;
pub use database::Database;
pub use error::Error;
pub use executor::{
    Coordinated, Executor, HttpCoordinatedExecutor, OutputCoordinatedExecutor, SimpleExecutor,
    TcpCoordinatedExecutor,
};
pub use fixture::Fixture;
pub use image::Pull;
pub use limit::Limit;
pub use link::{Connections, Delay, Link, OneWay, Way};
pub use missing::Missing;
pub use never::Never;
pub use number_set::{ExitCodes, Numbers};
pub use orchestrator::{Executors, Orchestrator, Scope, orchestrated};
pub use process::{Allowance, Mark, Process};
pub use size::Size;
pub use stdin::Stdin;
pub use sys::Signal;

/// Turns a `static` into a process that many tests share.
///
/// ```
/// use summon::{Fixture, Process, summon};
///
/// #[summon::fixture(output = "sh -c 'echo up; exec sleep 100'", banner = "up", setup = seed)]
/// static SERVER: Fixture;
///
/// fn seed(server: &Process) -> std::io::Result<()> {
///     std::fs::write(server.dir().join("seed"), "something that all tests need")
/// }
///
/// #[summon(fixture = SERVER)]
/// fn declared(server: &Process) {
///     assert!(server.dir().join("seed").exists());
/// }
///
/// declared();
/// assert!(SERVER.is_running());                 // used directly, and still running
/// assert!(SERVER.stop().is_err());              // refused: other tests may use it
/// ```
///
/// The attribute takes all kinds and options of [`macro@summon`], and these:
///
/// | option | meaning |
/// | --- | --- |
/// | `setup = path` | calls this function once, on a thread of its own, when the process is ready and before a test uses it: `fn(&Process) -> Result<_, X>` with `X: Display`. For a `Fixture<E>` its parameter is `&E` |
/// | `template = path` | calls this function once, on the database that the [`Database`] of each test is cloned from, like `setup`: `fn(&Database) -> Result<_, X>` |
/// | `block_on = path` | waits for an async `setup` or `template`, as in `block_on = pollster::block_on` |
/// | `scope = "binary"` | starts once per test binary, and stops before the process of the binary has ended. The default |
/// | `scope = "run"` | starts once for all binaries of a `cargo test` or `cargo nextest run`, and stops right after that run, even if the run was killed |
///
/// The first use starts the process: a use of the [`Fixture`] in plain code, or a call of a function
/// with `#[summon(fixture = NAME)]`, on any thread. A fixture without a use never starts. If the start
/// or the setup fails, each use fails with the same report, and summon does not try again.
///
/// `{OTHER.port}` in a text of the fixture is the port of another fixture. That fixture must be in
/// scope, and starts first. The texts of a test's set refer to a fixture by the name of its parameter.
/// All other texts refer to it by the name of its static.
///
/// Under nextest, each test runs in its own process. The fixtures of a binary serve all its test
/// processes until the run ends. A fixture with a fixed port stops earlier if no test uses it and
/// another process of this user waits for the port. A test binary that you start by hand is its own
/// run. With `scope = "run"`, fixtures of several binaries are one process if their package, name, and
/// options are equal.
pub use summon_macros::fixture;

/// Starts the programs that a function needs, and stops them when it returns or panics.
///
/// # Kinds
///
/// | attribute | ready when |
/// | --- | --- |
/// | `#[summon(simple = "cmd")]` | the kernel has executed the program (`execve(2)`) |
/// | `#[summon(output = "cmd", banner = "regex")]` | a line of its output matches |
/// | `#[summon(tcp = "cmd {port}")]` | it listens on its TCP port. Defaults: a free port, and the host `localhost`. Set them with `port = 6379` and `host = ".."` |
/// | `#[summon(udp = "cmd {port}")]` | it has bound its UDP port; `port` and `host` as for `tcp` |
/// | `#[summon(unix = "cmd", socket = "{dir}/s")]` | it accepts connections at the Unix socket |
/// | `#[summon(http = "cmd {port}", path = "/health")]` | the path answers 2xx. Default: `/`; `port` and `host` as for `tcp`. Or set `url = ".."`, also with `https://` |
/// | `#[summon(file = "cmd", path = "{dir}/pid")]` | the file exists |
/// | `#[summon(notify = "cmd")]` | it sends `READY=1` to `NOTIFY_SOCKET` (`sd_notify(3)`) |
/// | `#[summon(exec = "cmd", probe = "pg_isready")]` | the probe command exits with code 0 |
/// | `#[summon(executor = expr)]` | the executor's `start` returns |
/// | `#[summon(database = NAME)]` | the fixture is ready, and this test has a [`Database`] of its own on it |
/// | `#[summon(link = NAME)]` | the fixture is ready, and this test has a [`Link`] of its own to it ([more](guide::links)) |
/// | `#[summon(fixture = NAME)]` | the fixture has started and its setup has returned ([`macro@fixture`]). `export = "DATABASE_URL"` sets this environment variable to its URL ([how](guide::databases#set-a-variable-to-the-url)) |
///
/// # Keys
///
/// | key | meaning |
/// | --- | --- |
/// | `bin = "name"`, `example = "name"` | runs a program of your package. The text of the kind then holds only its arguments, and may be absent: `bin = "my-server", tcp = "--port {port}"` ([where this works](guide::lifecycle#programs-of-your-own-package)) |
/// | `name = ".."` | calls [`named`](Coordinated::named). Default: the name of the parameter, or else of the program |
/// | `link = true`, `links = true` | call [`linked(true)`](Coordinated::linked) |
/// | `banner`, `socket`, `probe`, `host`, `port`, `path`, `url` | belong to some kinds, see above |
/// | `export = ".."` | belongs to `fixture`, see above |
/// | `setup = path`, `block_on = path` | are those of a [fixture](macro@fixture). The setup runs before other programs of the set that need this one |
/// | `scope`, `template` | belong to the declaration of a [fixture](macro@fixture) |
///
/// Each other `key = value` or `key(values)` calls the builder's method with that name, so
/// [`Coordinated`] lists the options: `timeout = "5s"`, `env("RUST_LOG", "debug")`, `args(["-v"])`,
/// `after = "db"`, `unless = "FATAL"`, `nodes = 3`, `listen_fd = true`, `and(probe::file("{dir}/up"))`. A value may be
/// any expression, with the names in scope there (for the last example, `use summon::probe`).
///
/// # Parameters
///
/// Several attributes form one orchestrated set. The function has no parameter for them, or one for
/// each attribute, in the same order. `_: &Process` ignores a process. A parameter names its process, without
/// leading underscores; a cluster has the name of its program. Other attributes, such as those of rstest, may
/// have parameters too.
///
/// | attribute | type of its parameter |
/// | --- | --- |
/// | `executor = T::new(..)` | `&T` |
/// | `fixture = NAME` with a `Fixture<T>` | `&T`, or `&Process` |
/// | `database = NAME` | [`&Database`](Database) |
/// | `link = NAME` | [`&Link`](Link) |
/// | any with `nodes = 3` | [`&Cluster`](Cluster) |
/// | any other, also with `link = true` | [`&Process`](Process) |
///
/// # Where it goes
///
/// `#[summon]` accepts every function: `fn` and `async fn`, with a result, with generics. Put it above
/// `#[test]`, `#[tokio::test]`, and similar attributes. Without parameters, the order does not
/// matter.
///
/// If a start fails, the function panics with the report. A test with `#[should_panic]` would pass by
/// that panic. Such a test prints the report and returns, and so fails.
///
/// ```
/// use summon::{Process, summon};
///
/// #[summon(output = "sh -c 'echo up; exec sleep 100'", banner = "^up$", timeout = "5s")]
/// fn works(server: &Process) {
///     assert_eq!(server.name(), "server");
///     assert!(server.is_running());
/// }
///
/// works();
/// ```
///
/// On `main`, the processes run until the program ends:
///
/// ```
/// #[summon::summon(simple = "sleep 100", env("PORT", "{port}"))]
/// fn main() {
///     println!("`sleep` runs beside this program");
/// }
/// ```
///
/// # When it does not compile
///
/// An error about a literal points at the literal, and says what to write instead. For an unknown
/// option, rustc says that the builder has no such method. If the function has parameters for its
/// processes and another attribute stands above `#[summon]`, that attribute usually rejects the
/// parameters: put `#[summon]` first. See the [orders of attributes that work](guide::ecosystem) and
/// the [errors with their fixes](guide::compile_errors).
pub use summon_macros::summon;
