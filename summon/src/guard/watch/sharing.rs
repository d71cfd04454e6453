//! The guard's side of a shared service.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use super::client::Client;
use crate::guard::details::Details;
use crate::guard::protocol::message::{News, Order, Use};
use crate::sys::peer::peer;

/// How many users are accepted at once, so that a stream of new users can't starve the others.
const AT_ONCE: usize = 64;
/// The pause after a connection could not be accepted for lack of descriptors.
const REST: Duration = Duration::from_millis(100);

/// The shared side of a service.
pub(super) struct Sharing {
    pub(super) socket: UnixListener,
    pub(super) users: Vec<Client>,
    yields: bool,
    /// The details for users, once the service is ready.
    pub(super) shared: Option<Details>,
    /// Until then no user is accepted.
    rests: Option<Instant>,
}

impl Sharing {
    pub(super) fn new(socket: OwnedFd, yields: bool) -> Option<Sharing> {
        let socket = UnixListener::from(socket);
        socket.set_nonblocking(true).ok()?;
        Some(Sharing {
            socket,
            users: Vec::new(),
            yields,
            shared: None,
            rests: None,
        })
    }

    /// Returns when to accept again, if the guard should not watch the socket now.
    pub(super) fn rests(&self) -> Option<Instant> {
        self.rests.filter(|until| Instant::now() < *until)
    }

    /// Returns whether the service would end for a process that wants its port.
    pub(super) fn is_to_be_had(&self) -> bool {
        self.yields && self.shared.is_some() && self.users.is_empty()
    }

    /// Receives the users' messages, and passes their orders to `obey`. Drops users that have
    /// closed. Returns the tests that these had not reported as ended, with the user's number: they
    /// were killed.
    pub(super) fn hear_users(
        &mut self,
        mut obey: impl FnMut(&mut Client, Order),
    ) -> Vec<(RawFd, Use)> {
        let mut killed = Vec::new();
        self.users.retain_mut(|user| {
            let is_open = user.hear().is_ok() && !user.is_lost;
            // Frames from before the close count. A test may report its end and exit at once, and
            // was not killed.
            while let Some(frame) = user.take_frame() {
                if let Ok(order) = Order::decode(&frame) {
                    obey(user, order);
                }
            }
            if !is_open {
                let number = user.socket.as_raw_fd();
                killed.extend(user.uses().into_iter().map(|it| (number, it)));
            }
            is_open
        });
        killed
    }

    /// Accepts new users, and sends them the news so far.
    pub(super) fn meet_users(&mut self, mut news: Vec<News>) {
        news.extend(self.shared.clone().map(News::Shared));
        self.rests = None;
        for _ in 0..AT_ONCE {
            let socket = match self.socket.accept() {
                Ok((socket, _)) => socket,
                Err(error) => {
                    // Without a free descriptor the connection stays in the backlog and the socket
                    // stays readable. Polling it would spin, so it rests.
                    let is_full = error.kind() != io::ErrorKind::WouldBlock
                        && crate::sys::is_shortage(&error);
                    self.rests = is_full.then(|| Instant::now() + REST);
                    return;
                }
            };
            // Other users may know the socket's name, but the messages are for this user. The
            // kernel vouches for the peer's user (SO_PEERCRED in `unix(7)`).
            if !peer(&socket).is_ok_and(|peer| peer.uid == crate::sys::user()) {
                continue;
            }
            if let Ok(mut user) = Client::new(socket) {
                // Only queued here: a user that does not read must not block the guard.
                news.iter().for_each(|news| user.tell(news));
                self.users.push(user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    #[test]
    fn a_round_lets_in_no_more_than_so_many_users() {
        let home =
            crate::session::Home::create("sharing", None, crate::sys::users::Access::PRIVATE)
                .unwrap();
        let path = home.dir().join("s");
        let socket = UnixListener::bind(&path).unwrap();
        let clients: Vec<_> = (0..=AT_ONCE)
            .map(|_| UnixStream::connect(&path).unwrap())
            .collect();
        let mut sharing = Sharing::new(socket.into(), false).unwrap();
        sharing.meet_users(Vec::new());
        assert_eq!(sharing.users.len(), AT_ONCE);
        sharing.meet_users(Vec::new());
        assert_eq!(sharing.users.len(), clients.len());
    }
}
