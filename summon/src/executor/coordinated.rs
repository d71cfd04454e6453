//! An executor made of a command and a probe.

use std::fmt;
use std::ops::Deref;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, OnceLock};

use super::Executor;
use crate::command::Command;
use crate::error::Error;
use crate::probe::{ForkedAway, Probe};
use crate::process::{Process, Resources, Spec};

/// An executor made of a command and a probe. It starts a program and waits until it is ready.
///
/// Four flavours have names: [`SimpleExecutor`](crate::SimpleExecutor),
/// [`OutputCoordinatedExecutor`](crate::OutputCoordinatedExecutor),
/// [`TcpCoordinatedExecutor`](crate::TcpCoordinatedExecutor), and
/// [`HttpCoordinatedExecutor`](crate::HttpCoordinatedExecutor). An executor derefs to its
/// [`Process`], which has the name, the port, the output, and the verbs. Dropping the executor
/// stops the process.
///
/// Constructors and builder methods never fail: if a command, a pattern, or a URL is wrong,
/// [`start`](Process::start) returns the error. A builder method on an executor whose process runs
/// panics, since no option changes a running process. Before the start, and after
/// [`stop`](Process::stop), the executor keeps its ports and its directory.
///
/// summon fills in placeholders in these texts, and each value stays within its argument: the
/// command and its arguments, the values of environment variables, the working directory, the texts
/// of [`with_file`](Coordinated::with_file), the commands of `before`, `after_stop`, and
/// `stop_command`, the file of `stdin`, and the paths, URLs, hosts, and commands of probes, and `entrypoint`, `mount`, and `engine_args` of an image. Banners
/// and the text of `stdin` have no placeholders.
///
/// | placeholder | value |
/// | --- | --- |
/// | `{port}` | the port: the executor's fixed port, or else a free one |
/// | `{port:admin}` | a further free port, by your own label |
/// | `{host}` | the host, `localhost` by default |
/// | `{dir}` | a private directory, empty at first, which summon removes afterwards |
/// | `{name}` | the name of the process |
/// | `{url}` | the URL, as of [`url`](Process::url), with the default database of a ready-made server |
/// | `{token}` | the group `token` of the banner, in conditions after the banner |
/// | `{db.port}`, `{db.port:admin}`, `{db.host}`, `{db.dir}`, `{db.name}`, `{db.url}`, `{db.token}` | the same for another process of the [set](crate::orchestrated), which starts before this one |
/// | `{index}`, `{peers}`, `{others}` | only with [`nodes`](Coordinated::nodes): the number of the node, from 0, and the addresses of all nodes, or of all others. `{peers:raft}` lists the further ports |
/// | `{link}`, `{link_port}` | only with [`nodes`](Coordinated::nodes) and `links = true`: the address of the node's link, and its port alone |
/// | `{node.peers}`, `{node-0.port}`, `{node-0.link}` | for another cluster `node` of the set: the addresses of its nodes, and a placeholder of one node |
///
/// `{{` is a brace. summon does not change `${word}` and other text in braces, such as JSON.
///
/// ```
/// use summon::{Coordinated, probe};
///
/// let script = "echo $0 serves $1; echo > {dir}/up; exec sleep 100";
/// let api = Coordinated::with(["sh", "-c", script, "{name}", "{port}"], probe::file("{dir}/up"))
///     .named("api")
///     .timeout("5s");
/// api.start()?;
/// assert_eq!(api.output(), format!("api serves {}\n", api.port()).into_bytes());
/// # Ok::<(), summon::Error>(())
/// ```
#[must_use = "an executor does nothing until it is started"]
pub struct Coordinated<P> {
    spec: Spec,
    probe: Arc<P>,
    /// The further probes, which must be ready too.
    also: Vec<Arc<dyn Probe>>,
    /// The process, made at its first use.
    process: OnceLock<Process>,
    /// The ports and the directory, which stay when an option changes.
    resources: Arc<Resources>,
}

/// As for [`Process`]: only `start` calls a probe, and `start` catches no panics.
impl<P> UnwindSafe for Coordinated<P> {}
impl<P> RefUnwindSafe for Coordinated<P> {}

impl<P> Coordinated<P> {
    /// Runs `command`, and is ready when `probe` says so: a probe of [`probe`](crate::probe), or
    /// your own.
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
            also: Vec::new(),
            process: OnceLock::new(),
            resources: Arc::default(),
        }
    }

    pub(crate) fn change(mut self, change: impl FnOnce(&mut Spec)) -> Self {
        change(&mut self.spec);
        self.change_process();
        self
    }

    /// Changes the probe.
    pub(crate) fn ask(mut self, change: impl FnOnce(&mut P)) -> Self
    where
        P: Clone,
    {
        change(Arc::make_mut(&mut self.probe));
        self.change_process();
        self
    }

    /// Discards the process with the older options. The next one has the same resources.
    fn change_process(&mut self) {
        if let Some(made) = self.process.take() {
            // The unwinding drops `made`, which stops the process.
            assert!(!made.is_running(), "{}", made.changed_too_late());
            // The program ended by itself, but its descendants may still run. The guard ends them,
            // even if `stop` returns an error.
            let _ = made.stop();
        }
    }

    /// Returns the options and the probes. Panics if the process runs.
    pub(crate) fn into_declaration(mut self) -> (Spec, Vec<Arc<dyn Probe>>)
    where
        P: Probe,
    {
        self.change_process();
        let probes = self.probes();
        (self.spec.settled(), probes)
    }

    fn probes(&self) -> Vec<Arc<dyn Probe>>
    where
        P: Probe,
    {
        let mut probes: Vec<Arc<dyn Probe>> = Vec::new();
        if self.spec.daemon {
            probes.push(Arc::new(ForkedAway));
        }
        probes.push(Arc::clone(&self.probe) as _);
        probes.extend(self.also.iter().cloned());
        probes
    }

    /// Also waits for this probe. summon looks at each probe after the earlier probes are ready.
    /// Default: no further probe.
    ///
    /// ```
    /// use summon::{OutputCoordinatedExecutor, probe};
    ///
    /// let server = OutputCoordinatedExecutor::new("my-server", "migrations are done")
    ///     .and(probe::tcp("localhost", 0))
    ///     .and(|target: &probe::Target<'_>| std::fs::metadata(target.dir().join("up")));
    /// ```
    pub fn and(mut self, probe: impl Probe) -> Self {
        self.also.push(Arc::new(probe));
        self.change_process();
        self
    }
}

impl<P: Probe> Deref for Coordinated<P> {
    type Target = Process;

    fn deref(&self) -> &Process {
        self.process.get_or_init(|| {
            let resources = Arc::clone(&self.resources);
            Process::new(self.spec.clone().settled(), self.probes(), resources)
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
