//! The container of a process that runs an image: its name, and the commands of the engine.

use std::ffi::{OsStr, OsString};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::path::Path;
use std::time::{Duration, Instant};

use super::container_state::STATE;
use super::invocation::{Invocation, shown_variable};
use super::parts::Parts;
use super::resolve::Resolved;
use crate::error::{Error, shown_command};
use crate::guard::{Container, Program, StopPlan};
use crate::image::{self, Engine, Kind};
use crate::session::Home;
use crate::sys::listeners::Protocol;
use crate::sys::proc;

/// How much later than the guard the engine itself kills. The guard removes a container that is late,
/// and says so.
const ENGINE_LATER: Duration = Duration::from_secs(5);

/// The container of a process.
#[derive(Clone, Debug)]
pub(super) struct Contained {
    pub(super) engine: &'static Engine,
    pub(super) name: String,
}

impl Parts {
    /// Returns the container, if the process runs an image. Its name is the same in each test process.
    pub(super) fn contained(&self, home: &Home) -> Result<Option<Contained>, Error> {
        if !self.declaration.has_image() {
            return Ok(None);
        }
        let engine = Engine::find().map_err(|error| self.no_engine(&error))?;
        let name = name_of(home);
        Ok(Some(Contained { engine, name }))
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
        let ports = self.resources.ports().into_iter();
        let inside = |label: &str, outside: u16| match label {
            "" => self.declaration.inside_port().unwrap_or(outside),
            _ => outside,
        };
        ports
            .map(|(label, outside)| (inside(&label, outside), outside))
            .collect()
    }

    /// Returns the arguments of the engine between `create` or `run` and the container's own
    /// arguments.
    fn engine_args(&self, is_shown: bool) -> Result<Vec<OsString>, Error> {
        let (declaration, spec) = (&self.declaration, &self.declaration.spec);
        let options = &spec.container;
        let mut args: Vec<OsString> = Vec::new();
        let mut add = |name: &str, value: OsString| args.extend([name.into(), value]);
        let protocol = match declaration.endpoint().map(|it| it.protocol) {
            Some(Protocol::Udp) => "/udp",
            _ => "",
        };
        for (inside, outside) in self.published() {
            add(
                "-p",
                format!("127.0.0.1:{outside}:{inside}{protocol}").into(),
            );
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
        if let Some(user) = &spec.user {
            add("--user", user.into());
        }
        if let Some(dir) = &spec.current_dir {
            add("--workdir", self.fill_os(dir.as_os_str())?);
        }
        for (outside, inside) in &options.mounts {
            let (outside, inside) = (self.fill_os(outside)?, self.fill_os(inside)?);
            add(
                "-v",
                [&*outside, OsStr::new(":"), &inside].into_iter().collect(),
            );
        }
        if let Some(platform) = &options.platform {
            add("--platform", platform.into());
        }
        if let Some(program) = &options.entrypoint {
            add("--entrypoint", self.fill_os(program)?);
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
    ) -> Result<(Container, Vec<OsString>), Error> {
        let Contained { engine, name } = contained;
        let (dir, session) = (self.resources.dir_of(home), home.session_dir());
        let command = |args: &[&str]| contained.command(args.iter().map(OsString::from));
        let mut create = command(&["create", "--pull", "never", "--name", name]);
        for (label, value) in labels(&self.full_name(), session) {
            create.extend(["--label".into(), format!("{label}={value}").into()]);
        }
        let driver = match engine.kind() {
            // The guard keeps the log, so the engine's copy of it would only take room.
            Kind::Docker => "none",
            Kind::Podman => "passthrough",
        };
        create.extend(["--log-driver".into(), driver.into()]);
        create.extend(self.engine_args(false)?);
        create.extend(resolved.argv.iter().cloned());
        let listed = format!("name=^{name}$");
        let container = Container {
            create,
            copy: self.archive(dir)?.map(|archive| {
                let to_root = format!("{name}:/");
                (command(&["cp", "-", &to_root]), archive)
            }),
            inspect: command(&["container", "inspect", "--format", STATE, name]),
            remove: command(&["rm", "-f", "-v", name]),
            list: command(&["ps", "-a", "-q", "--no-trunc", "--filter", &listed]),
        };
        let start = command(&["start", "-a", name]);
        Ok((container, start))
    }

    /// Returns the command that a person would type to run the same container.
    pub(super) fn shown_run(
        &self,
        contained: &Contained,
        resolved: &Resolved,
    ) -> Result<Invocation, Error> {
        let stem = contained.engine.program().file_stem().unwrap_or_default();
        let mut run: Vec<OsString> = vec![stem.into(), "run".into(), "--rm".into()];
        run.extend(self.engine_args(true)?);
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

    /// Makes a stop ask the engine.
    pub(super) fn stop(&self, plan: &StopPlan) -> StopPlan {
        let seconds = (plan.grace + ENGINE_LATER).as_secs() + 1;
        let args = ["stop", "-t", &seconds.to_string(), &self.name];
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

/// Returns the name of the container, which belongs to the directory of its process.
fn name_of(home: &Home) -> String {
    let session = home.session_dir();
    let part = |name: Option<&OsStr>| {
        let name = name.unwrap_or_default().to_string_lossy().into_owned();
        name.replace(
            |it: char| !it.is_ascii_alphanumeric() && !"_.-".contains(it),
            "_",
        )
    };
    // Two machines, or two containers with tests, may share an engine, and each have such a directory.
    let hasher = BuildHasherDefault::<DefaultHasher>::default();
    let place = hasher.hash_one((proc::boot(), proc::namespace(), session));
    format!(
        "summon-{}-{}-{:08x}",
        part(session.file_name()),
        part(home.dir().file_name()),
        place as u32
    )
}

/// Returns the labels by which a later run finds a container that nobody owns any more.
fn labels(of: &str, session: &Path) -> [(&'static str, String); 6] {
    let own = std::process::id();
    let identity = proc::identity(own).unwrap_or_default();
    [
        ("summon", of.to_owned()),
        ("summon.boot", proc::boot()),
        ("summon.namespace", proc::namespace()),
        ("summon.owner", own.to_string()),
        ("summon.identity", identity.to_string()),
        ("summon.session", session.display().to_string()),
    ]
}
