//! The probe that waits until the process serves a Unix socket.

use std::io;

use super::file::{is_link, no_file};
use super::{AtTheEnd, Facts, NotReady, Probe, Target, inside, listen};
use crate::sys::at_path;
use crate::sys::diag::Diag;
use crate::sys::proc::{self, Holds};
use crate::sys::unix_sockets::{self, LONGEST_PATH, UnixListener};

/// A probe for a Unix socket, made by [`unix()`].
///
/// Use this name in types that hold the executor:
///
/// ```
/// use summon::{Coordinated, probe};
///
/// struct Cache {
///     server: Coordinated<probe::Unix>,
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Unix {
    path: String,
}

/// Waits until the process or one of its descendants listens on the Unix socket `path`. A datagram
/// socket is ready once it is bound.
///
/// The path may contain placeholders, and usually does: `{dir}/socket`. A relative path starts at the
/// program's working directory. As with [`tcp`](super::tcp), summon asks the kernel for the owner of
/// the socket: the server sees no connection from the probe, and if another program listens there, the
/// start fails. A socket file without a server, left by a killed program, does not count.
///
/// On Linux a path that begins with `@` is an abstract name, which has no file: `@my-server`. Such a
/// name is shared by the whole network namespace, usually the whole machine. Put `{port}` or `{dir}`
/// into it, so that parallel tests use different names. For a file of that name write `./@my-server`.
///
/// ```no_run
/// let redis = summon::Coordinated::with(
///     "redis-server --port 0 --unixsocket {dir}/redis.sock --save ''",
///     summon::probe::unix("{dir}/redis.sock"),
/// );
/// redis.start()?;
/// # Ok::<(), summon::Error>(())
/// ```
///
/// # Platform notes
///
/// If the kernel does not name the owner of the socket, or summon can't read it (a set-uid program,
/// another user's process), summon connects to the socket.
pub fn unix(path: impl Into<String>) -> Unix {
    Unix { path: path.into() }
}

impl Probe for Unix {
    fn look(&self, target: &Target<'_>) -> Result<(), NotReady> {
        if self.is_abstract() {
            return self.look_at_name(target);
        }
        let path = target.values().path(&self.path)?;
        if path.as_os_str().len() > LONGEST_PATH {
            return Err(NotReady::ever(format!(
                "the path is {} bytes long, and a Unix socket allows at most {LONGEST_PATH}: \
                 use a shorter path, or set TMPDIR",
                path.as_os_str().len()
            )));
        }
        // Subscribe before the look: a change between the two would otherwise go unnoticed.
        let is_told = target.news.subscribe_to_file(&path);
        let found = match std::fs::metadata(&path) {
            Ok(found) => found,
            Err(error) => {
                let why = NotReady::yet(no_file(&error));
                return Err(why.unless_told(is_told && !is_link(&path)));
            }
        };
        let Some(inode) = at_path::socket(&found) else {
            let why = "it is not a socket";
            return Err(NotReady::yet(why).unless_told(is_told && !is_link(&path)));
        };
        if let Some(container) = target.container() {
            return inside::look_at_socket(target, container, &path, inode);
        }
        // inotify reports `bind`, which creates the file, but not `listen`. From here on, poll.
        let listeners = |diag: &Diag| unix_sockets::at_path(diag, &path, inode);
        judge(target, listeners, || at_path::server(&path))
    }

    fn describe(&self, target: &Target<'_>) -> String {
        let name = || target.values().fill(&self.path).ok();
        let shown = name().filter(|_| self.is_abstract());
        format!(
            "unix {}",
            shown.unwrap_or_else(|| target.shown_path(&self.path))
        )
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            texts: vec![&self.path],
            is_seen_in_files: true,
            at_the_end: AtTheEnd::Sign,
            ..Facts::default()
        }
    }

    fn check(&self) -> Result<(), String> {
        match self.path.as_str() {
            "@" => Err("the abstract name of the socket is empty".to_owned()),
            path => super::check_path(path, "socket"),
        }
    }
}

impl Unix {
    fn is_abstract(&self) -> bool {
        self.path.starts_with('@')
    }

    /// Looks for the owner of an abstract name. No event reports a new name, so this polls.
    fn look_at_name(&self, target: &Target<'_>) -> Result<(), NotReady> {
        let filled = target.values().fill(&self.path)?;
        let name = filled.strip_prefix('@').unwrap_or(&filled).as_bytes();
        if !unix_sockets::HAS_NAMES {
            return Err(NotReady::ever(format!(
                "`{filled}` is an abstract socket, which only Linux supports: use a path"
            )));
        }
        if name.len() > LONGEST_PATH {
            return Err(NotReady::ever(format!(
                "the abstract name is {} bytes long, and may have at most {LONGEST_PATH}",
                name.len()
            )));
        }
        let listeners = |diag: &Diag| unix_sockets::at_name(diag, name);
        judge(target, listeners, || at_path::server_of_name(name))
    }
}

enum Owner {
    Ours,
    Nobody,
    Stranger(Option<u32>),
    /// The kernel does not name the owner.
    Unknown,
}

fn judge(
    target: &Target<'_>,
    listeners: impl FnOnce(&Diag) -> io::Result<Vec<UnixListener>>,
    server: impl FnOnce() -> io::Result<Option<u32>>,
) -> Result<(), NotReady> {
    match owner(target, listeners).map_err(|error| super::not_yet::unseen(&error))? {
        Owner::Ours => Ok(()),
        Owner::Nobody => Err(nobody()),
        Owner::Stranger(pid) => Err(stranger(pid)),
        Owner::Unknown => connect(target, server),
    }
}

/// Returns the owner of the listening socket.
fn owner(
    target: &Target<'_>,
    listeners: impl FnOnce(&Diag) -> io::Result<Vec<UnixListener>>,
) -> io::Result<Owner> {
    if target.takes_any_listener() && !Diag::SEES_ALL {
        return Ok(Owner::Unknown);
    }
    let Some(listeners) = target.ask(listeners)? else {
        return Ok(Owner::Unknown);
    };
    let mut known = Owner::Nobody;
    for listener in listeners {
        match listen::holder(target, listener.inode)? {
            Holds::Yes => return Ok(Owner::Ours),
            // Only the name matches: another socket, in another place.
            _ if !listener.is_certain => {}
            _ if target.takes_any_listener() => return Ok(Owner::Ours),
            Holds::Unknown => known = Owner::Unknown,
            Holds::No => match proc::holder_of_socket(listener.inode) {
                // The socket closed while we looked.
                None => {}
                pid => known = Owner::Stranger(pid),
            },
        }
    }
    Ok(known)
}

fn nobody() -> NotReady {
    NotReady::yet("nothing listens there").soon()
}

fn stranger(pid: Option<u32>) -> NotReady {
    let command = |pid| proc::command_line(pid).unwrap_or_default();
    let who = match pid {
        Some(pid) => format!("pid {pid}, `{}`", command(pid)),
        None => "a process whose pid can't be read".to_owned(),
    };
    NotReady::ever(format!("another process listens there: {who}"))
}

/// Connects to the socket; the kernel then names the process that called `listen` (`SO_PEERCRED` in
/// `unix(7)`).
fn connect(
    target: &Target<'_>,
    server: impl FnOnce() -> io::Result<Option<u32>>,
) -> Result<(), NotReady> {
    let pid = match server() {
        Ok(pid) => pid,
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return Err(nobody()),
        Err(error) => return Err(NotReady::yet(error.to_string())),
    };
    match pid {
        _ if target.takes_any_listener() => Ok(()),
        Some(pid) => match target.tree() {
            Ok(tree) if tree.contains(&pid) => Ok(()),
            Ok(_) => Err(stranger(Some(pid))),
            Err(error) => Err(super::not_yet::unseen(&error)),
        },
        // A process of the service is in our pid namespace or below it, so it would have a pid here.
        None if Diag::SEES_ALL => Err(stranger(None)),
        None => Ok(()),
    }
}
