//! The kinds of engines, and what differs between their command lines.

use std::fmt;
use std::path::Path;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Docker,
    Podman,
}

impl Kind {
    /// Guesses by the name, for an engine that does not say its version.
    pub(super) fn of_program(program: &Path) -> Kind {
        let name = program.file_name().unwrap_or_default();
        match name.to_string_lossy().contains("podman") {
            true => Kind::Podman,
            false => Kind::Docker,
        }
    }

    /// Reads the answer to `--version`: `Docker version 28.2.2, build e6534b4`, `podman version 4.3.1`.
    pub(super) fn of_version(said: &str) -> Option<Kind> {
        let said = said.to_lowercase();
        let is = |name: &str| said.lines().any(|line| line.starts_with(name));
        match (is("podman"), is("docker")) {
            (true, _) => Some(Kind::Podman),
            (false, true) => Some(Kind::Docker),
            (false, false) => None,
        }
    }

    /// Returns the template for `info` that gives the version of the engine, whether it is rootless, and
    /// the system that runs the containers.
    pub(super) fn question(self) -> &'static str {
        match self {
            Kind::Docker => "{{.ServerVersion}}|{{.SecurityOptions}}|{{.OperatingSystem}}",
            Kind::Podman => {
                "{{.Version.Version}}|{{.Host.Security.Rootless}}|{{.Host.Distribution.Distribution}}"
            }
        }
    }

    /// Reads the second part of the answer to [`question`](Kind::question).
    pub(super) fn is_rootless(self, said: &str) -> bool {
        match self {
            Kind::Docker => said.contains("name=rootless"),
            Kind::Podman => said == "true",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Docker => "Docker",
            Kind::Podman => "Podman",
        })
    }
}
