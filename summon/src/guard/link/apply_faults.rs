//! What the link does when its faults change.

use std::io;
use std::mem;
use std::time::Instant;

use super::connection::Rates;
use super::faults::Faults;
use super::rate::Rate;
use super::relay::Relay;
use crate::sys::events::Events;
use crate::sys::streams;

impl Relay {
    /// Puts faults into force, in place of the former ones. After an error the former ones stay: the owner
    /// of the link relies on that.
    pub(super) fn apply(&mut self, faults: Faults, events: &Events) -> io::Result<()> {
        let now = Instant::now();
        // Accept first: a client that has connected before the fault must not be refused. In a blackhole,
        // the queue must stay full.
        if self.filler.is_none() {
            self.accept_waiting(events);
        }
        // Nothing after this can fail.
        self.change_listener(&faults)?;
        let before = mem::replace(&mut self.faults, faults);
        let rate = |limit: Option<u64>, rate: Option<Rate>| {
            let limit = limit?;
            let same = rate.filter(|rate| rate.per_second() == limit);
            Some(same.unwrap_or_else(|| Rate::new(limit, now)))
        };
        self.rates = Rates {
            to_server: rate(self.faults.to_server.limit, self.rates.to_server.take()),
            to_client: rate(self.faults.to_client.limit, self.rates.to_client.take()),
        };
        if self.faults.cut {
            self.filler = None;
            self.reset_all();
            return Ok(());
        }
        if !self.faults.blackhole && (before.cut || self.filler.is_some()) {
            // The filler is in the queue, if it has room there, and `take` knows it by its address.
            self.accept_waiting(events);
            self.filler = None;
        }
        let all = self.connections.keys().chain(self.lingering.keys());
        self.ready = all.copied().collect();
        Ok(())
    }

    /// Makes the listener refuse new connections, let them hang, or take them. After an error it does what
    /// it did before.
    fn change_listener(&mut self, faults: &Faults) -> io::Result<()> {
        let is_cut = self.faults.cut;
        if faults.cut {
            return match is_cut {
                true => Ok(()),
                false => streams::refuse(&self.listener),
            };
        }
        if faults.blackhole {
            if self.filler.is_none() {
                // After a cut this listens, too.
                let filled = streams::fill_queue(&self.listener, &self.addr);
                let filler = filled.inspect_err(|_| {
                    // The queue may be short by now.
                    let _ = match is_cut {
                        true => streams::refuse(&self.listener),
                        false => streams::listen(&self.listener),
                    };
                })?;
                self.filler = Some(filler);
            }
        } else if is_cut || self.filler.is_some() {
            streams::listen(&self.listener)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::relay::tests::relay;
    use super::*;
    use std::net::{SocketAddr, TcpStream};
    use std::time::Duration;

    /// Returns whether clients can connect. Nothing accepts them, so they wait in the queue.
    fn takes_connections(addr: SocketAddr) -> bool {
        // A blackhole has room for one.
        (0..3).all(|_| TcpStream::connect_timeout(&addr, Duration::from_secs(5)).is_ok())
    }

    #[test]
    fn faults_that_can_not_be_put_into_force_leave_the_former_ones() {
        let events = Events::new().unwrap();
        let mut relay = relay();
        let addr = relay.addr;
        let blackhole = || Faults {
            blackhole: true,
            ..Faults::default()
        };
        // The filler can't connect to a broadcast address.
        relay.addr = ([127, 255, 255, 255], addr.port()).into();
        assert!(relay.apply(blackhole(), &events).is_err());
        assert!(!relay.faults.blackhole && takes_connections(addr));
        let cut = Faults {
            cut: true,
            ..Faults::default()
        };
        relay.apply(cut, &events).unwrap();
        assert!(relay.apply(blackhole(), &events).is_err());
        assert!(relay.faults.cut && !takes_connections(addr));
        relay.apply(Faults::default(), &events).unwrap();
        assert!(takes_connections(addr));
    }
}
