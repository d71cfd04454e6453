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

const OF_PODMAN: [(&str, &str); 7] = [
    (
        "catatonit",
        "install the package `catatonit`, which `init` needs, or remove `init`",
    ),
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

/// Messages of registries and runtimes, which both engines pass on.
const OF_BOTH: [(&str, &str); 20] = [
    ("manifest unknown", NO_IMAGE),
    ("name unknown", NO_IMAGE),
    ("no matching manifest", OTHER_PLATFORM),
    (
        "no image found in manifest list for architecture",
        OTHER_PLATFORM,
    ),
    (
        "no image found in image index for architecture",
        OTHER_PLATFORM,
    ),
    ("does not match the specified platform", OTHER_PLATFORM),
    ("exec format error", OTHER_PLATFORM),
    ("pull access denied", LOGIN),
    ("unauthorized", LOGIN),
    ("no basic auth credentials", LOGIN),
    ("authentication required", LOGIN),
    ("requested access to the resource is denied", LOGIN),
    (
        "toomanyrequests",
        "the registry limits pulls without a login: run `ENGINE login`, or use a mirror",
    ),
    ("invalid reference format", BAD_NAME),
    ("repository name must be lowercase", BAD_NAME),
    (
        "short-name",
        "write the whole name, such as `docker.io/library/redis:7`, or set `unqualified-search-registries` in \
         /etc/containers/registries.conf",
    ),
    (
        "no space left on device",
        "free some disk space, for example with `ENGINE system prune`",
    ),
    (
        "http response to https client",
        "the registry speaks HTTP: list it as an insecure registry of the engine",
    ),
    ("dial tcp", UNREACHABLE),
    ("timeout", UNREACHABLE),
];

const NO_IMAGE: &str = "the registry has no such image: check the name and the tag";
const OTHER_PLATFORM: &str = "the image is not made for this processor: choose a platform that it has with `platform`, \
    such as `linux/amd64`; another processor's needs an emulator (package `qemu-user-static`)";
const LOGIN: &str = "the image does not exist or needs a login: check the name, or run `ENGINE login` with the registry's name";
const BAD_NAME: &str =
    "write an image as `NAME:TAG` or `REGISTRY/NAME:TAG`, with a name in lower case";
const UNREACHABLE: &str = "the registry can't be reached: check the network and the engine's proxy, or bring the image here with \
    `ENGINE load`";

/// Returns a hint about these words of an engine.
pub(super) fn about(kind: Kind, said: &[u8]) -> Option<String> {
    let said = String::from_utf8_lossy(said).to_lowercase();
    let (known, command): (&[_], _) = match kind {
        Kind::Docker => (&OF_DOCKER, "docker"),
        Kind::Podman => (&OF_PODMAN, "podman"),
    };
    let mut known = known.iter().chain(&OF_BOTH);
    let found = known.find(|(part, _)| said.contains(part));
    found.map(|(_, remedy)| remedy.replace("`ENGINE ", &format!("`{command} ")))
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
