// The links of the README. Markdown takes the first definition of a label, so these hold in rustdoc. On GitHub
// the README's own definitions hold, which lead to docs.rs.
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
//! [comparison]: guide::comparison
//! [compile errors]: guide::compile_errors
//! [ecosystem]: guide::ecosystem
//! [executors]: guide::executors
//! [failures]: guide::failures
//! [fixtures]: guide::fixtures
//! [lifecycle]: guide::lifecycle
//! [own service]: guide::own_service
//! [platforms]: guide::platforms
//! [ports]: guide::ports
//! [readiness]: guide::readiness
//! [recipes]: guide::recipes
//!
// On GitHub the picture is a file beside the README; a page of rustdoc has no files.
#![doc = concat!("[picture]: data:image/svg+xml;base64,", include_str!("../docs/how-it-works.svg.base64"))]
// Cargo copies the README into the package, and then names the copy in this variable.
#![doc = include_str!(concat!("../", env!("CARGO_PKG_README")))]
#![warn(clippy::unwrap_used)]
#![allow(
    clippy::test_attr_in_doctest,
    reason = "the README shows tests as they stand in a file; tests/it/readme.rs runs them"
)]

#[doc(hidden)]
pub mod __private;
mod command;
mod contents;
mod error;
mod executor;
mod exit_codes;
mod fixture;
mod format;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(unix)]
mod guard;
#[cfg(windows)]
#[path = "guard/windows.rs"]
mod guard;
pub mod guide;
mod limit;
mod orchestrator;
mod output;
mod panicked;
mod port;
pub mod probe;
mod process;
mod program;
mod progress;
mod quoting;
pub mod servers;
mod session;
mod size;
mod stdin;
mod sys;
mod trace;
mod unrunnable;

pub use command::Command;
pub use contents::Contents;
pub use error::Error;
pub use executor::{
    Coordinated, Executor, HttpCoordinatedExecutor, OutputCoordinatedExecutor, SimpleExecutor,
    TcpCoordinatedExecutor,
};
pub use exit_codes::ExitCodes;
pub use fixture::Fixture;
pub use limit::Limit;
pub use orchestrator::{Executors, Orchestrator, Scope, orchestrated};
pub use process::{Mark, Process};
pub use size::Size;
pub use stdin::Stdin;
pub use sys::Signal;

/// Makes a `static` a process that many tests share.
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
/// assert!(SERVER.is_running());                 // used directly, and still there
/// assert!(SERVER.stop().is_err());              // others use it too
/// ```
///
/// It takes all kinds and options of [`macro@summon`], and these:
///
/// | option | meaning |
/// | --- | --- |
/// | `setup = path` | a function `fn(&Process) -> Result<_, E>`, `E: Display`, that runs once, after the process is ready and before anybody sees it |
/// | `scope = "binary"` | once per test binary, which is the default: stopped before anybody sees the binary exit |
/// | `scope = "run"` | once per `cargo test` or `cargo nextest run`, for all binaries and processes of it: stopped right after it has ended, however it ended |
///
/// It is started by the first use from any thread, as a [`Fixture`] in plain code, or by
/// `#[summon(fixture = NAME)]`. A fixture that is never used never starts. One that could not be
/// started fails all who use it with the same report; it is not tried again.
///
/// `{OTHER.port}` in its texts is a placeholder of another fixture that is in scope, which then
/// starts first. In a test's set a fixture goes by the name of its parameter, elsewhere by that of
/// its static.
///
/// Under nextest, where each test is a process of its own, the processes of a binary share its
/// fixtures, to the end of the run; one with a fixed port makes way, while no test uses it, for
/// whoever waits for that port. A test that is run by neither cargo nor nextest is a run of its
/// own. Fixtures of a run are the same one if their package, name, and options are.
pub use summon_macros::fixture;

/// Starts the programs that a function needs, and stops them when it returns or panics.
///
/// # Kinds
///
/// | attribute | ready when |
/// | --- | --- |
/// | `#[summon(simple = "cmd")]` | the program has been exec'ed |
/// | `#[summon(output = "cmd", banner = "regex")]` | a line of its output matches |
/// | `#[summon(tcp = "cmd {port}")]` | it listens; `port = 6379` and `host = ".."` where they are fixed: by default it is a free port of `localhost` |
/// | `#[summon(udp = "cmd {port}")]` | it has bound its UDP port; `port` and `host` as above |
/// | `#[summon(unix = "cmd", socket = "{dir}/s")]` | it accepts at the Unix socket |
/// | `#[summon(http = "cmd {port}", path = "/health")]` | the path, `/` by default, answers 2xx; or `url = ".."`, for which there is `https://` too; `port` and `host` as above |
/// | `#[summon(file = "cmd", path = "{dir}/pid")]` | the file is there |
/// | `#[summon(notify = "cmd")]` | it says `READY=1` to `NOTIFY_SOCKET` (`sd_notify(3)`) |
/// | `#[summon(exec = "cmd", probe = "pg_isready")]` | the other command exits with code 0 |
/// | `#[summon(executor = expr)]` | its `start` returns |
/// | `#[summon(fixture = NAME)]` | it was started and set up, by whoever used it first ([`macro@fixture`]) |
///
/// With `bin = "name"` or `example = "name"` the program is one of the user's own package, and the
/// text of the kind has its arguments, of which there may be none:
/// `#[summon(bin = "my-server", tcp = "--port {port}")]`. See [the guide](guide::lifecycle).
///
/// Every other `key = value` or `key(values)` is a call of the builder's method of that name, so
/// [`Coordinated`] is the list of options: `timeout = "5s"`,
/// `env("RUST_LOG", "debug")`, `args(["-v"])`, `after = "db"`, `unless = "FATAL"`, `listen_fd()`,
/// `and(probe::file("{dir}/up"))`. Values may be any expression, of what is in scope
/// (`use summon::{Signal, probe}`); `name = ".."` stands for `named(..)`.
///
/// # Parameters
///
/// Several attributes are one orchestrated set. The function has no parameter for them, or one
/// for each, in their order: `&Process`, or `&T` for `executor = T::new(..)`; `_: &Process` skips
/// one. A parameter's name is the name of its process, without leading underscores. Other
/// parameters belong to other attributes.
///
/// # Where it goes
///
/// On any function: `fn`, `async fn`, with a result, generic. Put it above `#[test]`,
/// `#[tokio::test]` and the like; without parameters it may stand below them too. If a program
/// can't be started the function panics with the report; in a test that should panic the report
/// is printed and the test returns, so that it fails.
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
/// On `main`, the processes run as long as the program does:
///
/// ```
/// #[summon::summon(simple = "sleep 100", env("PORT", "{port}"))]
/// fn main() {
///     println!("somebody sleeps beside me");
/// }
/// ```
///
/// # When it does not compile
///
/// What is wrong with a literal is told under it, with what to write instead; an unknown option is
/// a method that the builder has not. Below another attribute a function can't have parameters for
/// its processes, as a rule: that attribute would have to know of them. The fix is to put
/// `#[summon]` first. [The guide](guide::ecosystem) has the orders that work and the errors of those
/// that don't, and [another page](guide::compile_errors) what else rustc says, and why.
pub use summon_macros::summon;
