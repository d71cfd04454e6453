//! How a container reaches servers that listen on 127.0.0.1 of this machine.

use std::ffi::OsString;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::engine::Engine;
use super::kind::Kind;
use super::network::{Network, is_special};
use crate::error::Error;
use crate::sys::subnet::Subnet;

/// The time-out of the question about a network.
const LIMIT: Duration = Duration::from_secs(10);

/// How a container reaches servers of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// At a host that leads to 127.0.0.1 of this machine.
    Direct(&'static str),
    /// At this machine's own address in the network of the container. A relay must listen there, for
    /// clients in these subnets.
    Gateway(IpAddr, Vec<Subnet>),
}

impl Engine {
    /// Finds out how a container with these arguments of `create` reaches this machine.
    pub(crate) fn access(&self, args: &[OsString]) -> Result<Access, Error> {
        let kind = self.kind;
        let network = Network::of(args);
        let unreachable = |why: String, hint: &str| {
            let headline = format!("its container can't reach other processes: {why}");
            let error = Error::new(headline).fact("hint", hint.to_owned());
            Err(error.fact("engine", self.to_string()))
        };
        let name = match network {
            Network::Closed(name) => {
                let why = match &*name {
                    "none" => "it has no network, with `--network none`".to_owned(),
                    name => format!("`--network {name}` has no way to this machine"),
                };
                let hint = format!("remove `--network {name}`, or name a network of the engine");
                return unreachable(why, &hint);
            }
            _ if self.is_desktop() => return Ok(Access::Direct("host.docker.internal")),
            Network::Host if self.shares_network() => return Ok(Access::Direct("127.0.0.1")),
            _ if self.is_rootless() => {
                let why = format!("rootless {kind} keeps its networks apart from this machine's");
                let hint = match kind {
                    Kind::Docker => "set `SUMMON_ENGINE` to an engine that runs as root",
                    Kind::Podman => {
                        "run the tests as root, or let the container use the network of this machine with \
                         `engine_args([\"--network\", \"host\"])`"
                    }
                };
                return unreachable(why, hint);
            }
            Network::Own(None) | Network::Host => kind.default_network().to_owned(),
            Network::Own(Some(name)) if is_special(&name) => {
                let why = format!("`--network {name}` is not a network of this machine");
                return unreachable(why, "remove `--network`, or name a network of the engine");
            }
            Network::Own(Some(name)) => name,
        };
        let question = kind.question_about_network();
        let args = ["network", "inspect", "--format", question, &name].map(OsString::from);
        let answer = self.ask(&args, Instant::now() + LIMIT)?;
        gateway(kind, &String::from_utf8_lossy(&answer)).map_or_else(
            || {
                unreachable(
                    format!("this machine has no address in the network `{name}`"),
                    "if the tests run in a container themselves, give it the network of the machine with \
                     `--network host`",
                )
            },
            Ok,
        )
    }
}

impl Kind {
    fn default_network(self) -> &'static str {
        match self {
            Kind::Docker => "bridge",
            Kind::Podman => "podman",
        }
    }

    /// Returns the template for the subnets of a network, with their gateways.
    fn question_about_network(self) -> &'static str {
        match self {
            Kind::Docker => "{{range .IPAM.Config}}{{.Subnet}}|{{.Gateway}} {{end}}",
            Kind::Podman => "{{range .Subnets}}{{.Subnet}}|{{.Gateway}} {{end}}",
        }
    }
}

/// Reads the answer to the question about a network.
fn gateway(kind: Kind, answer: &str) -> Option<Access> {
    let parsed = answer.split_whitespace().filter_map(|pair| {
        let (subnet, gateway) = pair.split_once('|')?;
        Some((subnet.parse::<Subnet>().ok()?, gateway.parse().ok()))
    });
    let networks: Vec<(Subnet, Option<IpAddr>)> = parsed.collect();
    let subnets = networks.iter().map(|(subnet, _)| *subnet).collect();
    let ip = |(subnet, gateway): &(Subnet, Option<IpAddr>)| {
        // Docker does not always tell the gateway. Podman makes the network with its first container.
        let to_come = gateway.filter(|_| kind == Kind::Podman);
        subnet.own_address().or(to_come)
    };
    Some(Access::Gateway(networks.iter().find_map(ip)?, subnets))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::super::fakes::Fakes;
    use super::*;

    #[test]
    fn an_own_address_is_the_gateway_or_the_one_that_podman_will_make() {
        let subnets = vec!["127.0.0.0/8".parse().unwrap()];
        let own = Access::Gateway([127, 0, 0, 1].into(), subnets);
        assert_eq!(gateway(Kind::Docker, "127.0.0.0/8| "), Some(own));
        let absent = "203.0.113.0/24|203.0.113.1 ";
        let to_come = Access::Gateway(
            [203, 0, 113, 1].into(),
            vec!["203.0.113.0/24".parse().unwrap()],
        );
        assert_eq!(gateway(Kind::Podman, absent), Some(to_come));
        assert_eq!(gateway(Kind::Docker, absent), None);
        assert_eq!(gateway(Kind::Docker, "\n"), None);
    }

    #[test]
    fn an_engine_that_hides_this_machine_is_an_error_that_says_why() {
        let network = "echo '203.0.113.0/24|203.0.113.1 '";
        let fakes = Fakes::new("access", &[("docker", network), ("podman", network)]);
        let ask = |engine: &Engine, args: &[&str]| {
            let args: Vec<OsString> = args.iter().map(OsString::from).collect();
            let access = engine.access(&args);
            access.map_err(|error| fakes.shown(&error))
        };
        let mut docker = fakes.engine(Kind::Docker);
        let error = ask(&docker, &[]).unwrap_err();
        assert_eq!(
            error,
            "its container can't reach other processes: this machine has no address in the network `bridge`\n  \
             hint      if the tests run in a container themselves, give it the network of the machine with \
             `--network host`\n  \
             engine    Docker 1 (DIR/docker)"
        );
        assert_eq!(
            ask(&docker, &["--network", "host"]),
            Ok(Access::Direct("127.0.0.1"))
        );
        docker.is_rootless = true;
        for args in [&[][..], &["--network", "host"]] {
            let error = ask(&docker, args).unwrap_err();
            assert!(
                error.contains("rootless Docker keeps its networks apart"),
                "{error}"
            );
            assert!(
                error.contains("hint      set `SUMMON_ENGINE` to"),
                "{error}"
            );
        }
        let mut podman = fakes.engine(Kind::Podman);
        assert!(matches!(ask(&podman, &[]), Ok(Access::Gateway(..))));
        let error = ask(&podman, &["--network=pasta"]).unwrap_err();
        assert!(error.contains("`--network pasta` is not a"), "{error}");
        let error = ask(&podman, &["--network=none"]).unwrap_err();
        assert!(error.contains("it has no network"), "{error}");
        podman.is_rootless = true;
        let error = ask(&podman, &[]).unwrap_err();
        assert!(error.contains("rootless Podman keeps"), "{error}");
        docker.system = "Docker Desktop".to_owned();
        assert_eq!(
            ask(&docker, &[]),
            Ok(Access::Direct("host.docker.internal"))
        );
    }
}
