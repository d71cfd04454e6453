//! Programs that exit because their port is in use.
//!
//! Most servers set `SO_REUSEADDR`, which allows them to bind although connections hold the port. So
//! summon launches the program at once. If it exits because the port is in use, summon launches it
//! again when the port is free.

use std::time::{Duration, Instant};

use super::life::Starting;
use super::parts::Parts;
use crate::error::Error;
use crate::probe::{self, Place};
use crate::sys::listeners::Protocol;
use crate::sys::{ports, wait};

/// The maximum wait for connections to end. Linux keeps a closed connection for a minute.
const LONGEST: Duration = Duration::from_secs(90);
/// How long helpers of an engine may take to end after their container.
const HELPERS: Duration = Duration::from_secs(15);
/// The pause between two looks at the ports: Linux tells nobody that a socket no longer listens, and helpers
/// of root can't be found by their ports.
const PAUSE: Duration = Duration::from_millis(10);

/// Returns whether the output says that the port is in use: `EADDRINUSE` in the words of C, Java,
/// Go, Node.js, and Erlang, or the messages of Spring, Flask, Vite, and Docker.
pub(super) fn is_said(output: &[u8]) -> bool {
    let text = String::from_utf8_lossy(output).to_ascii_lowercase();
    text.lines().any(|line| {
        let has_place = line.contains("address") || line.contains("port");
        let is_taken = line.contains("in use") || line.contains("already allocated");
        line.contains("eaddrinuse") || (has_place && is_taken)
    })
}

impl Parts {
    /// Returns the ports of this machine that the process has so far, without duplicates.
    fn places(&self) -> Vec<Place> {
        // The ports of a container's probes are those inside.
        let own = self.declaration.endpoints();
        let own = own.filter(|_| !self.declaration.has_own_ports());
        let own = own.map(|it| Place {
            protocol: it.protocol,
            port: match it.port {
                0 => self.port("").unwrap_or(0),
                port => port,
            },
        });
        let mut places: Vec<_> = own.filter(|place| place.port != 0).collect();
        for (_, port) in self.resources.ports() {
            if !places.iter().any(|place| place.port == port) {
                let protocol = Protocol::Tcp;
                places.push(Place { protocol, port });
            }
        }
        places
    }

    /// Returns whether any port of the process can't be bound without `SO_REUSEADDR`.
    pub(super) fn is_port_held(&self) -> bool {
        self.places().iter().any(probe::is_held)
    }

    /// Waits until nobody listens on the ports of a container that is gone: the engine's helpers end a
    /// moment later.
    pub(super) fn await_end_of_helpers(&self) {
        let until = Instant::now() + HELPERS;
        let is_served = |place: &Place| probe::somebody_serves("127.0.0.1", *place).is_some();
        while self.places().iter().any(is_served) && Instant::now() < until {
            let _ = wait::sleep(&[], Some(Instant::now() + PAUSE));
        }
    }

    /// Waits until the ports of the process can be bound, after the program exited at `died`
    /// because a port was in use. Returns `false` if that does not happen.
    pub(super) fn wait_for_ports(
        &self,
        died: Instant,
        starting: &Starting<'_>,
    ) -> Result<bool, Error> {
        let time = (died, died + self.longest_wait()?);
        probe::until_free(self.name(), &self.places(), time, starting.cancelled())
            .map_err(|error| self.no_wait(&error))
    }

    fn longest_wait(&self) -> Result<Duration, Error> {
        let limit = &self.declaration.spec.turn_timeout;
        Ok(self.declaration.limit(limit)?.min(LONGEST))
    }

    /// Adds the length of the wait to the error if the wait for the port has timed out.
    pub(super) fn not_free(&self, error: Error, died: Instant) -> Error {
        match self.longest_wait() {
            Ok(limit) if died.elapsed() >= limit => error.fact(
                "waited",
                format!("{limit:?} for its port, then launched it again; `turn_timeout` sets this limit, up to {LONGEST:?}"),
            ),
            _ => error,
        }
    }

    /// Returns a hint if connections hold a port of the process.
    pub(super) fn hint_at_held(&self) -> Option<String> {
        let places = self.places();
        let mut held = places
            .iter()
            .filter_map(|it| Some((it.port, probe::held(it)?)));
        let (port, held) = held.next()?;
        let range = ports::ephemeral();
        let is_fixed = self.fixed_ports().contains(&port);
        let remedy = match is_fixed && range.contains(&port) {
            true => format!(
                "the system assigns the ports from {} to {} to connections: use a port outside of this range",
                range.start(),
                range.end()
            ),
            false if held.is_bound => {
                "end the process that has the socket, or use another port".to_owned()
            }
            false => "close clients before a restart, or have the program set SO_REUSEADDR \
                      when it binds"
                .to_owned(),
        };
        Some(format!("{};\n{remedy}", held.what))
    }
}
