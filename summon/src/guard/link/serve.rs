//! The process of a link: from its job to its end.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::message::{LinkAnswer, LinkOrder};
use super::relay::{LISTENER, Relay};
use super::spin_or_sleep::Attention;
use crate::guard::protocol::job::{Endings, LinkJob};
use crate::guard::protocol::wire;
use crate::sys::ending::{self, Ending};
use crate::sys::events::Events;
use crate::sys::ports;
use crate::sys::subnet::Subnet;

const OWNER: u64 = 1;
const OWNER_ENDED: u64 = 2;
const RUN_ENDED: u64 = 3;

/// How long the owner may go on after its runner has ended, as for services.
const AFTER_RUN: Duration = Duration::from_secs(2);
/// How long to wait for an owner that does not read its answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// Serves the link until its owner gives it up, or ends.
pub(in crate::guard) fn serve(owner: &UnixStream, job: LinkJob) -> io::Result<()> {
    let LinkJob {
        endings,
        addr,
        target,
        lease,
        clients,
        ..
    } = job;
    // This process is the holder of the lease while it holds the port.
    let lease = ports::sign(lease);
    owner.set_write_timeout(Some(ANSWER_LIMIT))?;
    owner.set_read_timeout(Some(ANSWER_LIMIT))?;
    let begun = begin(owner, endings, (addr, target), clients);
    let answer = match &begun {
        Ok(serving) => LinkAnswer::Done(serving.relay.counts()),
        Err(error) => failed(error),
    };
    wire::send(owner, &answer.encode(0), &[])?;
    let mut serving = begun?;
    let served = serving.serve(owner);
    // Reset, so that no connection in TIME_WAIT holds the port.
    serving.relay.reset_all();
    drop(serving);
    drop(lease);
    served
}

fn failed(error: &io::Error) -> LinkAnswer {
    LinkAnswer::Failed(error.raw_os_error().unwrap_or(libc::EINVAL))
}

struct Serving {
    events: Events,
    relay: Relay,
    attention: Attention,
    owner_ended: Option<Ending>,
    run_ended: Option<Ending>,
    /// When the link ends, since the runner has ended.
    until: Option<Instant>,
}

fn begin(
    owner: &UnixStream,
    endings: Endings<OwnedFd>,
    (addr, target): (SocketAddr, Option<SocketAddr>),
    clients: Option<Vec<Subnet>>,
) -> io::Result<Serving> {
    // A session without a controlling terminal: Ctrl-C reaches the test only.
    rustix::process::setsid()?;
    let events = Events::new()?;
    let relay = Relay::new(addr, target, clients)?;
    events.add(relay.listener(), LISTENER)?;
    events.add_while_readable(owner, OWNER)?;
    let watch = |sent: Option<OwnedFd>, token| {
        let ending = sent.and_then(|sent| ending::watch(sent).ok())?;
        events.add_while_readable(&ending, token).ok()?;
        Some(ending)
    };
    let owner_ended = watch(endings.owner, OWNER_ENDED);
    let run_ended = watch(endings.runner, RUN_ENDED);
    Ok(Serving {
        events,
        relay,
        attention: Attention::default(),
        owner_ended,
        run_ended,
        until: None,
    })
}

impl Serving {
    fn serve(&mut self, owner: &UnixStream) -> io::Result<()> {
        loop {
            let due = self.relay.go_on(&self.events);
            let due = due.into_iter().chain(self.until).min();
            let moved = self.relay.take_moved();
            for event in self.attention.wait(&mut self.events, due, moved)? {
                match event.token {
                    LISTENER => self.relay.accept(&self.events),
                    OWNER => {
                        // End of file, or an owner that sends no whole order.
                        let Ok(Some((body, _))) = wire::receive(owner) else {
                            return Ok(());
                        };
                        let (number, order) = LinkOrder::decode(&body)?;
                        let answer = self.obey(order);
                        wire::send(owner, &answer.encode(number), &[])?;
                    }
                    OWNER_ENDED => {
                        if self.owner_ended.as_ref().is_some_and(Ending::has_come) {
                            return Ok(());
                        }
                    }
                    RUN_ENDED => {
                        let has_come = |ending: &mut Ending| ending.has_come();
                        if let Some(ending) = self.run_ended.take_if(has_come) {
                            // It stays readable.
                            self.events.remove(&ending);
                            self.until = Some(Instant::now() + AFTER_RUN);
                        }
                    }
                    _ => self.relay.note(event),
                }
            }
            if self.until.is_some_and(|at| at <= Instant::now()) {
                return Ok(());
            }
        }
    }

    fn obey(&mut self, order: LinkOrder) -> LinkAnswer {
        let done = match order {
            LinkOrder::Faults(faults) => self.relay.apply(faults, &self.events),
            LinkOrder::Target(target) => {
                self.relay.lead_to(target);
                Ok(())
            }
            LinkOrder::Count => {
                self.relay.accept_waiting(&self.events);
                Ok(())
            }
            LinkOrder::Separate(nodes) => self.relay.separate(nodes, &self.events),
        };
        match done {
            Ok(()) => LinkAnswer::Done(self.relay.counts()),
            Err(error) => failed(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpListener, TcpStream};

    #[test]
    fn a_relay_has_only_the_clients_of_its_container() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let target = server.local_addr().unwrap();
        let connected = |clients: &str| {
            let clients = vec![clients.parse().unwrap()];
            let made = (20_000..30_000).find_map(|port| {
                let addr = (Ipv4Addr::LOCALHOST, port).into();
                Relay::new(addr, Some(target), Some(clients.clone())).ok()
            });
            let (mut relay, events) = (made.unwrap(), Events::new().unwrap());
            let client = TcpStream::connect(addr(&relay)).unwrap();
            relay.accept(&events);
            let open = relay.counts().open;
            drop(client);
            open
        };
        assert_eq!(connected("127.0.0.0/8"), 1);
        assert_eq!(connected("172.17.0.0/16"), 0);
    }

    fn addr(relay: &Relay) -> SocketAddr {
        crate::sys::streams::own_addr(relay.listener()).unwrap()
    }
}
