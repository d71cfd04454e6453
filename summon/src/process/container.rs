//! The container of a process that runs an image: its name, and the commands of the engine.

use std::ffi::{OsStr, OsString};
use std::time::{Duration, Instant};

use super::container_marks::{labels, new_name};
use super::container_state::STATE;
use super::launched::Launched;
use super::parts::Parts;
use super::report::invocation::{Invocation, shown_variable};
use super::resolve::Resolved;
use crate::command::Command;
use crate::error::{Error, shown_command};
use crate::guard::{Container, Program, Removal, StopPlan};
use crate::image::{self, Engine, Kind, Network};
use crate::probe::Endpoint;
use crate::session::Home;
use crate::stdin::Kind as Stdin;
use crate::sys::Signal;
use crate::sys::listeners::Protocol;

/// A container that the engine is about to make, or has made for a launch.
#[derive(Clone, Debug)]
pub(super) struct Contained {
    engine: &'static Engine,
    /// The name of a container to make, or the id of one that the engine has made.
    pub(super) name: String,
}

/// What the arguments of the engine are for.
#[derive(Clone, Copy)]
enum Wanted<'a> {
    Created,
    /// The command in reports.
    Shown,
    /// This program, which runs before the service.
    Before(&'a OsStr),
}

impl Parts {
    /// Returns the engine, if the process runs an image.
    pub(super) fn engine(&self) -> Result<Option<&'static Engine>, Error> {
        if !self.declaration.has_image() {
            return Ok(None);
        }
        let engine = Engine::find().map_err(|error| self.no_engine(&error))?;
        Ok(Some(engine))
    }

    /// Returns the container for the next launch, if the process runs an image.
    ///
    /// Each launch has a container of its own name. The guard of an earlier launch may have been killed, and
    /// its warden may still remove that container. With the same name it could remove the new one.
    pub(super) fn new_container(&self, home: &Home) -> Result<Option<Contained>, Error> {
        let named = |engine| Contained {
            engine,
            name: new_name(home),
        };
        Ok(self.engine()?.map(named))
    }

    /// Returns the container of a launch, if the process runs an image.
    pub(super) fn container_of(&self, launched: &Launched) -> Result<Option<Contained>, Error> {
        let Some(engine) = self.engine()? else {
            return Ok(None);
        };
        // Processes that share a fixture know the id, too, but not the name.
        let name = launched.guarded.state().told.id().ok_or_else(|| {
            let why = "the engine has not told the id of its container";
            self.declaration.error(format!("{}: {why}", self.name()))
        })?;
        Ok(Some(Contained { engine, name }))
    }

    /// Returns the container of the present launch, if the process runs an image.
    pub(super) fn present_container(&self) -> Result<Option<Contained>, Error> {
        match self.life.launched() {
            Some(launched) => self.container_of(&launched),
            None if self.declaration.has_image() => {
                let why = format!("{} has no container: it does not run", self.name());
                Err(self.declaration.error(why))
            }
            None => Ok(None),
        }
    }

    /// Looks for the engine and the image. The time-out of the start does not include this.
    pub(super) fn find_image(&self) -> Result<(), Error> {
        let options = &self.declaration.spec.container;
        if let Some(image) = &options.image {
            let found = Engine::find().and_then(|engine| {
                image::ensure(engine, image, options.platform.as_deref(), options.pull)
            });
            let found = found.map_err(|error| self.no_engine(&error))?;
            // The first one stays, since the report is about it.
            let _ = self.declaration.image.set(found);
        }
        Ok(())
    }

    /// Returns the error of a process whose engine is not installed.
    pub(super) fn no_engine_at_all(&self) -> Error {
        match Engine::find() {
            Err(error) => self.no_engine(&error),
            Ok(_) => self.declaration.bad("there is no engine"),
        }
    }

    fn no_engine(&self, error: &Error) -> Error {
        let bad = self.declaration.bad(error.headline());
        bad.facts_of(error)
    }

    /// Returns the ports inside the container, each with the port outside that leads to it.
    pub(super) fn published(&self) -> Vec<(u16, u16)> {
        if !matches!(self.declaration.spec.container.network(), Network::Own(_)) {
            return Vec::new();
        }
        let ports = self.resources.ports().into_iter();
        let inside = |label: &str, outside: u16| match label {
            "" => self.declaration.inside_port().unwrap_or(outside),
            label => self.declaration.inside_of(label).unwrap_or(outside),
        };
        ports
            .map(|(label, outside)| (inside(&label, outside), outside))
            .collect()
    }

    /// Returns the protocols for which the engine publishes a port: TCP, UDP, or both, as the probes of
    /// this port need. A port that no probe looks at is published for TCP, and for UDP if that is the protocol of
    /// the service.
    fn protocols_of(&self, inside: u16) -> Vec<&'static str> {
        let mut endpoints: Vec<Endpoint> = self.declaration.endpoints().collect();
        let main = endpoints.first().map(|it| it.protocol);
        let main_port = self.declaration.inside_port();
        let main_port = main_port.or_else(|| self.resources.port(""));
        // A probe without a port of its own looks at the main port.
        endpoints
            .retain(|it| Some(it.port).filter(|port| *port != 0).or(main_port) == Some(inside));
        let has = |protocol| endpoints.iter().any(|it| it.protocol == protocol);
        let is_unknown = endpoints.is_empty();
        let tcp = has(Protocol::Tcp) || is_unknown;
        let udp = has(Protocol::Udp) || (is_unknown && main == Some(Protocol::Udp));
        let both = [("tcp", tcp), ("udp", udp)].into_iter();
        both.filter_map(|(name, is_published)| is_published.then_some(name))
            .collect()
    }

    /// Returns the arguments of the engine between `create` or `run` and the container's own
    /// arguments.
    fn engine_args(&self, wanted: Wanted<'_>) -> Result<Vec<OsString>, Error> {
        let is_shown = matches!(wanted, Wanted::Shown);
        let spec = &self.declaration.spec;
        let options = &spec.container;
        let mut args: Vec<OsString> = Vec::new();
        let mut add = |name: &str, value: OsString| args.extend([name.into(), value]);
        let published = match wanted {
            Wanted::Before(_) => Vec::new(),
            Wanted::Created | Wanted::Shown => self.published(),
        };
        for (inside, outside) in published {
            for protocol in self.protocols_of(inside) {
                // The engine's default, which nobody would type.
                let suffix = if protocol == "tcp" { "" } else { "/udp" };
                let published = format!("127.0.0.1:{outside}:{inside}{suffix}");
                add("-p", published.into());
            }
        }
        for (name, value) in &spec.env {
            let Some(value) = value else { continue };
            let value = self.fill_os(value)?;
            let pair = match is_shown {
                true => shown_variable(name, &value).into(),
                false => [name, OsStr::new("="), &value].into_iter().collect(),
            };
            add("-e", pair);
        }
        if let Some(signal) = spec.stop_signal {
            add("--stop-signal", signal.number().to_string().into());
        }
        if let Some(user) = &spec.user {
            add("--user", user.into());
        }
        if let Some(dir) = &spec.current_dir {
            add("--workdir", self.fill_os(dir.as_os_str())?);
        }
        if self.shares_dir() {
            let dir = self.dir()?.as_os_str();
            add("-v", [dir, OsStr::new(":"), dir].into_iter().collect());
        }
        for (outside, inside) in &options.mounts {
            add("-v", self.mount(outside, inside)?);
        }
        if let Some(platform) = &options.platform {
            add("--platform", platform.into());
        }
        match (wanted, &options.entrypoint) {
            (Wanted::Before(program), _) => add("--entrypoint", program.into()),
            (_, Some(program)) => add("--entrypoint", self.fill_os(program)?),
            (_, None) => {}
        }
        let has_stdin = !matches!(spec.stdin.0, Stdin::Null);
        if has_stdin && !matches!(wanted, Wanted::Before(_)) {
            args.push("-i".into());
        }
        if options.init {
            args.push("--init".into());
        }
        for arg in &options.engine_args {
            args.push(self.fill_os(arg)?);
        }
        args.extend(options.image.as_ref().map(OsString::from));
        Ok(args)
    }

    /// Returns the commands for the container, and the command that starts it.
    pub(super) fn container(
        &self,
        contained: &Contained,
        resolved: &Resolved,
        home: &Home,
        notify: Option<&str>,
    ) -> Result<(Container, Vec<OsString>), Error> {
        let Contained { engine, name } = contained;
        let (dir, session) = (self.resources.dir_of(home), home.session_dir());
        let command = |args: &[&str]| contained.command(args.iter().map(OsString::from));
        let mut create = command(&["create", "--pull", "never", "--name", name]);
        let labels: Vec<OsString> = labels(&self.full_name(), session)
            .into_iter()
            .flat_map(|(label, value)| ["--label".into(), format!("{label}={value}").into()])
            .collect();
        create.extend(labels.iter().cloned());
        let driver = match engine.kind() {
            // The guard keeps the log, so the engine's copy of it would only take room.
            Kind::Docker => "none",
            Kind::Podman => "passthrough",
        };
        create.extend(["--log-driver".into(), driver.into()]);
        create.extend(contained.removed_at_once());
        // Podman prints no id if the container has the streams of its client.
        let id_file = match engine.kind() {
            Kind::Docker => None,
            Kind::Podman => Some(session.join(format!("{name}.id"))),
        };
        // The guard asks for the id if this engine can't be told where to write it.
        let id_file = id_file.filter(|file| file.to_str().is_some());
        if let Some(file) = &id_file {
            create.extend(["--cidfile".into(), file.into()]);
        }
        if let Some(socket) = notify {
            create.extend(["-v".into(), format!("{socket}:{socket}").into()]);
            create.extend(["-e".into(), format!("NOTIFY_SOCKET={socket}").into()]);
        }
        create.extend(self.engine_args(Wanted::Created)?);
        create.extend(resolved.argv.iter().cloned());
        self.check_text(&create)?;
        let listed = format!("name=^{name}$");
        let container = Container {
            before: self.commands_before(contained, &labels)?,
            before_limit: self.declaration.limit(&self.declaration.spec.timeout)?,
            create,
            id_file,
            copy: self.archive(dir)?.map(|archive| {
                let to_root = format!("{name}:/");
                let copy = match engine.kind() {
                    Kind::Docker => command(&["cp", "-", &to_root]),
                    // Otherwise the files would belong to the user of the container.
                    Kind::Podman => command(&["cp", "--archive=false", "-", &to_root]),
                };
                (copy, archive)
            }),
            inspect: command(&["container", "inspect", "--format", STATE, name]),
            removal: Removal {
                remove: command(&["rm", "-f", "-v", name]),
                list: command(&["ps", "-a", "-q", "--no-trunc", "--filter", &listed]),
            },
        };
        let start = match self.declaration.spec.stdin.0 {
            Stdin::Null => command(&["start", "-a", name]),
            _ => command(&["start", "-a", "-i", name]),
        };
        Ok((container, start))
    }

    /// Returns the commands of `before`, each in a container of its own that is otherwise the same. Only
    /// the first start runs them.
    fn commands_before(
        &self,
        contained: &Contained,
        labels: &[OsString],
    ) -> Result<Vec<Vec<OsString>>, Error> {
        if self.life.is_prepared() {
            return Ok(Vec::new());
        }
        let one = |command: &Command| {
            let words = self.words_of(command)?;
            let Some((program, args)) = words.split_first() else {
                return Err(self.declaration.bad("a command before it is empty"));
            };
            let start = ["run", "--rm", "--pull", "never", "--name", &contained.name];
            let mut argv = contained.command(start.map(OsString::from));
            argv.extend_from_slice(labels);
            argv.extend(contained.removed_at_once());
            argv.extend(self.engine_args(Wanted::Before(program))?);
            argv.extend_from_slice(args);
            self.check_text(&argv)?;
            Ok(argv)
        };
        self.declaration.spec.before.iter().map(one).collect()
    }

    /// Returns the command that a person would type to run the same container.
    pub(super) fn shown_run(
        &self,
        contained: &Contained,
        resolved: &Resolved,
    ) -> Result<Invocation, Error> {
        let mut run: Vec<OsString> = vec![contained.stem().into(), "run".into(), "--rm".into()];
        run.extend(self.engine_args(Wanted::Shown)?);
        run.extend(resolved.argv.iter().cloned());
        Ok(Invocation {
            command: shown_command(run.iter().map(OsString::as_os_str)),
            ..Invocation::default()
        })
    }
}

impl Contained {
    /// Runs a command of the engine for the container, and returns what it printed.
    pub(super) fn ask(&self, args: &[&str], limit: Duration) -> Result<Vec<u8>, Error> {
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        self.engine.ask(&args, Instant::now() + limit)
    }

    /// Returns a command of the engine.
    pub(super) fn command(&self, args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
        let program = self.engine.program().as_os_str().to_owned();
        [program].into_iter().chain(args).collect()
    }

    /// Returns the arguments of a container that `rm -f` removes at once: Podman's would first send the stop
    /// signal, and wait this long.
    fn removed_at_once(&self) -> Vec<OsString> {
        match self.engine.kind() {
            Kind::Docker => Vec::new(),
            Kind::Podman => vec!["--stop-timeout".into(), "0".into()],
        }
    }

    /// Returns the name of the engine's program, as a person would type it.
    pub(super) fn stem(&self) -> &OsStr {
        self.engine.program().file_stem().unwrap_or_default()
    }

    /// Makes a stop ask the engine for the signal. The guard removes a container that is late. (The `stop` of
    /// Podman would wait for the end of the container, and for its own time-out after that.)
    pub(super) fn stop(&self, plan: &StopPlan, signal: Signal) -> StopPlan {
        let args = ["kill", "-s", &signal.number().to_string(), &self.name];
        StopPlan {
            command: Some(self.command(args.iter().map(OsString::from))),
            only_leader: true,
            ..plan.clone()
        }
    }

    /// Makes a program the engine's client.
    pub(super) fn client(&self, program: Program, start: Vec<OsString>) -> Program {
        Program {
            argv: start,
            outlives_guard: true,
            ..program
        }
    }
}
