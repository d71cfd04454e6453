//! The owner's side of a link.

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::wardens;
use crate::guard::link::{Counts, Faults, LinkAnswer, LinkOrder, Separated};
use crate::guard::protocol::job::Task;
use crate::guard::protocol::wire;
use crate::sys::maker::Maker;
use crate::sys::subnet::Subnet;
use crate::sys::{streams, wait};

/// How long a link may take to answer. The limit is for a link that was halted.
const LIMIT: Duration = Duration::from_secs(30);
/// How long to wait for its end.
const END_LIMIT: Duration = Duration::from_secs(5);

/// The process of a link. Dropping it ends the link.
#[derive(Debug)]
pub(crate) struct LinkProcess {
    socket: UnixStream,
    maker: Maker,
    /// The number of orders so far.
    orders: AtomicU64,
}

impl LinkProcess {
    /// Starts a link that listens on this port of 127.0.0.1.
    pub(crate) fn start(
        name: &str,
        port: u16,
        lease: &OwnedFd,
        target: Option<SocketAddr>,
    ) -> io::Result<LinkProcess> {
        let task = Task::Link {
            name,
            addr: (Ipv4Addr::LOCALHOST, port).into(),
            lease: lease.as_fd(),
            target,
            clients: None,
        };
        start(&task).map(LinkProcess::of)
    }

    pub(crate) fn of(socket: UnixStream) -> LinkProcess {
        LinkProcess {
            socket,
            maker: Maker::here(),
            orders: AtomicU64::new(0),
        }
    }

    /// Puts faults into force, in place of the former ones.
    pub(crate) fn apply(&self, faults: Faults) -> io::Result<()> {
        self.order(&LinkOrder::Faults(faults)).map(drop)
    }

    /// Leads new connections to this address.
    pub(crate) fn lead_to(&self, target: SocketAddr) -> io::Result<()> {
        self.order(&LinkOrder::Target(target)).map(drop)
    }

    /// Orders it to separate these nodes, and no others, from the node behind the link. `finish` waits until
    /// that is in force. No other order may come in between.
    pub(crate) fn separate(&self, nodes: Separated) -> io::Result<u64> {
        self.send(&LinkOrder::Separate(nodes))
    }

    /// Waits until the order with this number is in force.
    pub(crate) fn finish(&self, number: u64) -> io::Result<()> {
        answer(&self.socket, number).map(drop)
    }

    /// Whether the process has ended: another program has killed it.
    pub(crate) fn has_ended(&self) -> bool {
        streams::has_hung_up(&self.socket)
    }

    pub(crate) fn counts(&self) -> io::Result<Counts> {
        self.order(&LinkOrder::Count)
    }

    /// Sends an order, and waits until it is in force. One thread at a time may do that.
    fn order(&self, order: &LinkOrder) -> io::Result<Counts> {
        let number = self.send(order)?;
        answer(&self.socket, number)
    }

    /// Sends an order. Returns its number.
    fn send(&self, order: &LinkOrder) -> io::Result<u64> {
        // A forked child shares the socket, and would take the answers of its parent.
        if !self.maker.is_here() {
            return Err(io::Error::other(
                "only the process that made it can do that",
            ));
        }
        let number = self.orders.fetch_add(1, Ordering::Relaxed) + 1;
        wire::send(&self.socket, &order.encode(number), &[]).map_err(ended)?;
        Ok(number)
    }
}

/// Starts a relay: a link without faults, for clients in these subnets. It listens at `addr`, which this
/// machine may get later, and ends with the returned socket.
pub(crate) fn start_relay(
    name: &str,
    addr: SocketAddr,
    lease: &OwnedFd,
    target: SocketAddr,
    clients: &[Subnet],
) -> io::Result<OwnedFd> {
    let task = Task::Link {
        name,
        addr,
        lease: lease.as_fd(),
        target: Some(target),
        clients: Some(clients),
    };
    start(&task).map(OwnedFd::from)
}

/// Starts the process of a link, and waits until it listens.
fn start(task: &Task<'_>) -> io::Result<UnixStream> {
    if let Some(why) = streams::NO_LINKS {
        return Err(io::Error::new(io::ErrorKind::Unsupported, why));
    }
    match try_start(task) {
        // The warden died with the request unread, so a new one may try once.
        Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {
            wardens::dismiss();
            try_start(task)
        }
        other => other,
    }
}

fn try_start(task: &Task<'_>) -> io::Result<UnixStream> {
    let socket = wardens::give_job(task, Instant::now() + LIMIT)?;
    socket.set_read_timeout(Some(LIMIT))?;
    answer(&socket, 0)?;
    Ok(socket)
}

/// Waits for the answer to the order with this number.
fn answer(socket: &UnixStream, wanted: u64) -> io::Result<Counts> {
    loop {
        let answer = wire::receive(socket).map_err(ended)?;
        let (body, _) = answer.ok_or_else(wardens::why_gone).map_err(ended)?;
        match LinkAnswer::decode(&body)? {
            // The late answer to an order that has failed: the link was halted for too long.
            (number, _) if number != wanted => {}
            (_, LinkAnswer::Done(counts)) => return Ok(counts),
            (_, LinkAnswer::Failed(errno)) => return Err(io::Error::from_raw_os_error(errno)),
        }
    }
}

fn ended(error: io::Error) -> io::Error {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, WouldBlock};
    match error.kind() {
        BrokenPipe | ConnectionAborted | ConnectionReset => {
            io::Error::new(error.kind(), "its process has ended")
        }
        WouldBlock => io::Error::new(
            io::ErrorKind::TimedOut,
            "its process does not answer; the change may come into force later",
        ),
        _ => error,
    }
}

impl Drop for LinkProcess {
    fn drop(&mut self) {
        // A forked child drops a copy, and the link must go on for its parent.
        if !self.maker.is_here() {
            return;
        }
        // The link sees the end even if a forked child holds a copy of the socket.
        let _ = self.socket.shutdown(Shutdown::Write);
        // It closes the socket last. So its port and its lease are free after this.
        let until = Instant::now() + END_LIMIT;
        let _ = wait::sleep(&[self.socket.as_fd()], Some(until));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_late_answer_to_an_order_is_not_the_answer_to_the_next_one() {
        let (socket, link) = UnixStream::pair().unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(1)))
            .unwrap();
        let owner = LinkProcess::of(socket);
        let late = owner.counts().unwrap_err();
        assert_eq!(late.kind(), io::ErrorKind::TimedOut);
        for open in [1, 2] {
            let counts = Counts {
                open,
                ..Counts::default()
            };
            let answer = LinkAnswer::Done(counts).encode(open);
            wire::send(&link, &answer, &[]).unwrap();
        }
        assert_eq!(owner.counts().unwrap().open, 2);
    }
}
