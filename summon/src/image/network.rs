//! The network that the arguments of an engine choose for a container.

use std::ffi::OsString;

/// The network of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Network {
    /// A network of the engine, which leads ports of this machine to the container. `None` is the default
    /// one.
    Own(Option<String>),
    /// The network of this machine: the ports are the same inside and outside.
    Host,
    /// None at all, or one that belongs to something else. The engine leads no port there.
    Closed(String),
}

/// Ways to have a network of the engine that is not one by name.
const WAYS: [&str; 3] = ["slirp4netns", "pasta", "private"];
const CLOSED: [&str; 3] = ["none", "container", "ns"];

impl Network {
    /// Reads the arguments. The last network counts.
    pub(crate) fn of(args: &[OsString]) -> Network {
        let mut words = args.iter().filter_map(|arg| arg.to_str());
        let mut found = None;
        while let Some(word) = words.next() {
            let (option, value) = match word.split_once('=') {
                Some((option, value)) => (option, Some(value)),
                None => (word, None),
            };
            if matches!(option, "--network" | "--net") {
                found = value.or_else(|| words.next()).or(found);
            }
        }
        let Some(value) = found else {
            return Network::Own(None);
        };
        // Docker: `name=backend,alias=web`. Podman: `backend:ip=10.89.0.9`.
        let mut parts = value.split(',');
        let name = parts.find_map(|part| part.strip_prefix("name="));
        let name = name.unwrap_or(value);
        match first(name) {
            "host" => Network::Host,
            way if CLOSED.contains(&way) => Network::Closed(name.to_owned()),
            way if WAYS.contains(&way) => Network::Own(Some(name.to_owned())),
            plain => Network::Own(Some(plain.to_owned())),
        }
    }
}

/// Returns whether this is no network of the engine by name, but another way to have one.
pub(super) fn is_special(name: &str) -> bool {
    WAYS.contains(&first(name))
}

fn first(name: &str) -> &str {
    name.split(':').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_network_counts() {
        let of = |args: &[&str]| {
            let args: Vec<OsString> = args.iter().map(OsString::from).collect();
            Network::of(&args)
        };
        let own = |name: &str| Network::Own(Some(name.to_owned()));
        let closed = |name: &str| Network::Closed(name.to_owned());
        assert_eq!(of(&["--init"]), Network::Own(None));
        assert_eq!(of(&["--network"]), Network::Own(None));
        assert_eq!(of(&["--network", "a", "--net=b"]), own("b"));
        assert_eq!(of(&["--network=name=c,alias=x"]), own("c"));
        assert_eq!(of(&["--network", "d:ip=10.0.0.9"]), own("d"));
        let special = "slirp4netns:allow_host_loopback=true";
        assert_eq!(of(&["--network", special]), own(special));
        assert_eq!(of(&["--net", "none", "--network=host"]), Network::Host);
        assert_eq!(of(&["--network=name=host"]), Network::Host);
        assert_eq!(of(&["--network=none"]), closed("none"));
        assert_eq!(of(&["--network=container:db"]), closed("container:db"));
        assert_eq!(of(&["--network", "ns:/run/x"]), closed("ns:/run/x"));
    }
}
