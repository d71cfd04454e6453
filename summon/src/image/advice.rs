//! What to do about an engine's complaint.
//!
//! The engines give no codes, so this looks for fixed parts of their messages. It only adds a hint to
//! a report, and decides nothing.

use super::kind::Kind;

/// The messages of engines, in lower case, each with the remedy.
const OF_DOCKER: [(&str, &str); 4] = [
    (
        "permission denied while trying to connect",
        "add your user to the group of the socket with `sudo usermod -aG docker $USER` and log in again, or \
         set `SUMMON_ENGINE=podman`",
    ),
    (
        "is the docker daemon running",
        "start Docker, for example with `sudo systemctl start docker`, or set `SUMMON_ENGINE=podman`",
    ),
    (
        "failed to connect to the docker api",
        "start Docker, for example with `sudo systemctl start docker`, or set `SUMMON_ENGINE=podman`",
    ),
    (
        "client version",
        "the client and the daemon have different versions; set `DOCKER_API_VERSION` to the daemon's",
    ),
];

const OF_PODMAN: [(&str, &str); 6] = [
    ("newuidmap", "install the package `uidmap`"),
    (
        "no subuid ranges found",
        "give your user a range in /etc/subuid and /etc/subgid, then run `podman system migrate`",
    ),
    (
        "no subgid ranges found",
        "give your user a range in /etc/subuid and /etc/subgid, then run `podman system migrate`",
    ),
    (
        "cannot connect to podman",
        "start the virtual machine with `podman machine start`",
    ),
    (
        "unable to connect to podman",
        "start the virtual machine with `podman machine start`",
    ),
    (
        "xdg_runtime_dir",
        "log in as that user instead of using `su`, or set `XDG_RUNTIME_DIR` to a directory of the user",
    ),
];

/// Returns a hint about these words of an engine.
pub(super) fn about(kind: Kind, said: &[u8]) -> Option<String> {
    let said = String::from_utf8_lossy(said).to_lowercase();
    let known: &[_] = match kind {
        Kind::Docker => &OF_DOCKER,
        Kind::Podman => &OF_PODMAN,
    };
    let found = known.iter().find(|(part, _)| said.contains(part));
    found.map(|(_, remedy)| (*remedy).to_owned())
}

/// Returns a hint about an engine that does not answer.
pub(super) fn if_silent(kind: Kind) -> String {
    let hint = match kind {
        Kind::Docker => {
            "the daemon hangs or is overloaded: if `docker info` does not answer either, restart the daemon, or \
             set `SUMMON_ENGINE=podman`"
        }
        Kind::Podman => {
            "another `podman` may hold a lock: end it if `podman info` does not answer either, or set \
             `SUMMON_ENGINE=docker`"
        }
    };
    hint.to_owned()
}
