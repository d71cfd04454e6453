//! Whether a container serves a port or a Unix socket. The sockets in its network say so: the engine's
//! proxy listens outside long before.

use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use super::container::Container;
use super::endpoint::Place;
use super::not_yet::unseen;
use super::{NotReady, Target};
use crate::sys::at_path;
use crate::sys::containers::{self, Inside};
use crate::sys::is_shortage;
use crate::sys::listeners::{ListeningSocket, Protocol};
use crate::sys::proc::{self, Holds};

/// The pause between two searches for the main process, which read all new processes.
const SEARCH_PAUSE: Duration = Duration::from_millis(5);
/// The pause between two looks at tables, which list all connections too.
const COSTLY_PAUSE: Duration = Duration::from_millis(16);
/// When to assume that the main process is not visible here, as with a virtual machine.
const UNSEEN_AFTER: Duration = Duration::from_secs(5);
/// When to assume the same of a program that needs no port. An engine that can't start the program on a busy
/// machine says so within this time.
const NEVER_SEEN_AFTER: Duration = match cfg!(target_os = "linux") {
    true => Duration::from_secs(15),
    false => UNSEEN_AFTER,
};
/// The limit of one attempt to connect.
const CONNECT_LIMIT: Duration = Duration::from_secs(1);
/// A proxy closes a connection within this time if nothing listens behind it.
const PROXY_LIMIT: Duration = Duration::from_millis(250);

/// The facts about the container that the probe has found since the start began.
#[derive(Default)]
struct Known {
    view: Option<(u32, Inside)>,
    /// The time of the last search for the main process.
    searched: Option<Instant>,
}

/// Returns the address outside of the server in the container.
pub(super) fn look(
    target: &Target<'_>,
    container: &Container,
    place: Place,
) -> Result<SocketAddr, NotReady> {
    let listeners = with_known(target, |known| known.listeners(target, container, place))?;
    if container.is_on_host {
        return on_host(target, listeners, place);
    }
    let outside = container.outside(place.port);
    let unpublished = (Ipv4Addr::LOCALHOST, place.port).into();
    let Some(listeners) = listeners else {
        return connect(outside.unwrap_or(unpublished), place.protocol);
    };
    let reachable = |it: &&ListeningSocket| !it.addr.ip().to_canonical().is_loopback();
    match (listeners.first(), listeners.iter().find(reachable)) {
        (None, _) => Err(NotReady::yet("nothing listens there in the container").soon()),
        // The engine leads connections to the container's own address.
        (Some(local), None) if outside.is_some() => Err(NotReady::yet(format!(
            "it listens on {} in the container, which can't be reached from outside; let it listen on \
             0.0.0.0",
            local.shown()
        ))),
        (Some(_), _) => Ok(outside.unwrap_or(unpublished)),
    }
}

/// Lists the sockets in the container that serve other ports than the process declares, and can be reached from
/// outside. None if one serves the port, or if nobody can tell.
pub(super) fn elsewhere(
    target: &Target<'_>,
    container: &Container,
    place: Place,
) -> Vec<ListeningSocket> {
    if container.is_on_host {
        return Vec::new();
    }
    let all = Place { port: 0, ..place };
    let found = with_known(target, |known| known.listeners(target, container, all));
    let mut found = found.ok().flatten().unwrap_or_default();
    if found.iter().any(|it| it.addr.port() == place.port) {
        return Vec::new();
    }
    // Docker's own resolver of names listens on 127.0.0.11.
    let is_local = |addr: SocketAddr| addr.ip().to_canonical().is_loopback();
    let is_declared = |addr: SocketAddr| container.outside(addr.port()).is_some();
    found.retain(|it| !is_local(it.addr) && !is_declared(it.addr));
    found
}

/// Looks for the server of a container that uses the network of this machine, where anybody may listen.
fn on_host(
    target: &Target<'_>,
    listeners: Option<Vec<ListeningSocket>>,
    place: Place,
) -> Result<SocketAddr, NotReady> {
    let unknown = "nobody can tell here whose port that is, since the container uses the network of this \
        machine, and its processes can't be read; remove `--network host`, or run the tests as root";
    let (Some(listeners), Some(id)) = (listeners, target.container_id()) else {
        return Err(NotReady::ever(unknown));
    };
    let here = SocketAddr::from((Ipv4Addr::LOCALHOST, place.port));
    let mut found = None;
    for listener in &listeners {
        let holds =
            containers::holds_socket(&id, listener.inode).map_err(|error| unseen(&error))?;
        let addr = match listener.covers(here) {
            true => here,
            false => listener.addr,
        };
        match holds {
            Holds::Yes if found != Some(here) => found = Some(addr),
            Holds::Yes => {}
            Holds::Unknown => return Err(NotReady::ever(unknown)),
            // A socket that nobody holds is about to close.
            Holds::No => {
                if let Some(pid) = proc::holder_of_socket(listener.inode) {
                    // It may have come into the container since the look.
                    let is_ours = containers::has(&id, pid);
                    if !is_ours && listener.covers(here) {
                        let who = proc::command_line(pid).unwrap_or_default();
                        return Err(NotReady::ever(format!(
                            "another process listens there: pid {pid}, `{who}`, on {}",
                            listener.shown()
                        )));
                    }
                }
            }
        }
    }
    found.ok_or_else(|| NotReady::yet("nothing listens there").soon())
}

/// Looks for the server of a Unix socket that the container shares with this machine. `file` is the
/// inode.
pub(super) fn look_at_socket(
    target: &Target<'_>,
    container: &Container,
    path: &Path,
    file: u64,
) -> Result<(), NotReady> {
    let served = with_known(target, |known| {
        let Some(inside) = known.view(target, container)? else {
            return Ok(None);
        };
        inside.serves(path, file).map_err(|error| unseen(&error))
    })?;
    match served {
        Some(true) => Ok(()),
        Some(false) => Err(NotReady::yet("nothing listens there").soon()),
        // The container's network can't be read from here.
        None => match at_path::server(path) {
            Ok(_) => Ok(()),
            Err(error) => Err(later(&error.to_string(), COSTLY_PAUSE)),
        },
    }
}

/// Returns whether the main process of the container has started. It may have ended since.
pub(super) fn has_started(target: &Target<'_>, container: &Container) -> Result<(), NotReady> {
    match target.state() {
        Some(state) if state.told.has_never_started() => Err(NotReady::ever(
            "the engine could not start the program of the container",
        )),
        Some(state) if state.exit.is_some() => Ok(()),
        _ => with_known(target, |known| {
            let is_visible = known.view(target, container)?.is_some();
            let has_started = match &known.view {
                Some((pid, _)) if is_visible => containers::runs_its_program(*pid),
                _ => target.waited() > NEVER_SEEN_AFTER,
            };
            match has_started {
                true => Ok(()),
                false => Err(later("its program has not started", SEARCH_PAUSE)),
            }
        }),
    }
}

/// Returns whether the main process of the container, which an earlier call has seen, has ended.
pub(super) fn has_ended(target: &Target<'_>) -> bool {
    let (Some(container), Some(id)) = (target.container(), target.container_id()) else {
        return false;
    };
    let main = target
        .memory
        .with("main process", |main: &mut Option<u32>| {
            *main = main.or_else(|| containers::main_process(&id, &container.older));
            *main
        });
    main.is_some_and(|pid| !containers::is_main(pid, &id))
}

fn with_known<R>(target: &Target<'_>, act: impl FnOnce(&mut Known) -> R) -> R {
    target.memory.with("container", act)
}

impl Known {
    /// Returns the sockets that serve a port. `None` if the container is not visible from here.
    fn listeners(
        &mut self,
        target: &Target<'_>,
        container: &Container,
        place: Place,
    ) -> Result<Option<Vec<ListeningSocket>>, NotReady> {
        let Some(inside) = self.view(target, container)? else {
            return Ok(None);
        };
        let listeners = inside.listeners(place.port, place.protocol);
        let listeners = listeners.map_err(|error| unseen(&error))?;
        if listeners.is_empty() && inside.is_costly() {
            return Err(later(
                "nothing listens there in the container",
                COSTLY_PAUSE,
            ));
        }
        Ok(Some(listeners))
    }

    /// Returns the view into the container. `None` if the container is not visible from here.
    fn view(
        &mut self,
        target: &Target<'_>,
        container: &Container,
    ) -> Result<Option<&Inside>, NotReady> {
        let id = target.container_id();
        let id = id.ok_or_else(|| NotReady::yet("the engine has not told the container's id"))?;
        // A process that has ended is none any more. Its network may be another's by now.
        self.view = self
            .view
            .take()
            .filter(|(pid, _)| containers::is_main(*pid, &id));
        if self.view.is_none() {
            // The look of the probe and the search for a failure line share one pace.
            let is_due = self.searched.is_none_or(|it| it.elapsed() >= SEARCH_PAUSE);
            let found = is_due.then(|| containers::main_process(&id, &container.older));
            if is_due {
                self.searched = Some(Instant::now());
            }
            let Some(pid) = found.flatten() else {
                return match target.waited() > UNSEEN_AFTER {
                    true => Ok(None),
                    false => Err(later("its container has not started", SEARCH_PAUSE)),
                };
            };
            let inside = Inside::of(pid).map_err(|error| match is_shortage(&error) {
                true => NotReady::yet(error.to_string()),
                false => unseen(&error),
            })?;
            self.view = Some((pid, inside));
        }
        Ok(self.view.as_ref().map(|(_, inside)| inside))
    }
}

fn later(why: &str, pause: Duration) -> NotReady {
    NotReady::yet(why).not_before(Instant::now() + pause)
}

/// Connects to the engine's proxy. The connection stays open only if the container serves the port.
fn connect(addr: SocketAddr, protocol: Protocol) -> Result<SocketAddr, NotReady> {
    if protocol == Protocol::Udp {
        return Err(NotReady::ever(
            "the processes of the container are not visible here, so its UDP port can't be probed",
        ));
    }
    let connected = TcpStream::connect_timeout(&addr, CONNECT_LIMIT).and_then(|mut stream| {
        stream.set_read_timeout(Some(PROXY_LIMIT))?;
        stream.read(&mut [0])
    });
    match connected {
        Ok(0) => Err(NotReady::yet(format!("{addr}: closes each connection"))),
        Ok(_) => Ok(addr),
        Err(error) if is_silent(&error) => Ok(addr),
        Err(error) => Err(NotReady::yet(format!("{addr}: {error}"))),
    }
}

fn is_silent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}
