//! Ready when the process serves a Unix socket.

use std::io;

use super::file::{is_link, no_file};
use super::{Facts, NotReady, Probe, Target, listen};
use crate::sys::at_path;
use crate::sys::diag::Diag;
use crate::sys::proc::{self, Holds};
use crate::sys::unix_sockets::{self, LONGEST_PATH, UnixListener};

/// Made by [`unix()`].
///
/// It has a name for types that hold such an executor:
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

/// Ready when the process, or one that it started, accepts connections at the Unix socket `path`;
/// one for datagrams counts when it is bound.
///
/// The path may contain placeholders, and usually does: `{dir}/socket`. A relative one is taken
/// from the program's working directory. As with [`tcp`](super::tcp) the kernel is asked who
/// listens, so the server sees no connection from this, and somebody else's server is never taken
/// for ours. A socket file without a server, as a program that was killed has left it, does not
/// count.
///
/// On Linux a path that begins with `@` is an abstract name, which has no file: `@my-server`. It
/// exists once for the whole machine, or for each network namespace: put `{port}` or `{dir}` into it,
/// so that parallel tests don't want the same one. A file of such a name is written `./@my-server`.
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
/// Where the kernel does not tell, or the owner of the socket can't be read (a set-uid program,
/// another user's process), it is known by connecting.
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
                "the path is {} bytes long, and that of a Unix socket at most {LONGEST_PATH}: \
                 use a shorter one, or set TMPDIR",
                path.as_os_str().len()
            )));
        }
        // Before the look, so that nothing happens in between unnoticed.
        let is_told = target.news.subscribe_to_file(&path);
        let found = match std::fs::metadata(&path) {
            Ok(found) => found,
            Err(error) => {
                let why = NotReady::yet(no_file(&error));
                return Err(why.unless_told(is_told && !is_link(&path)));
            }
        };
        let Some(inode) = at_path::socket(&found) else {
            let why = "what is there is no socket";
            return Err(NotReady::yet(why).unless_told(is_told && !is_link(&path)));
        };
        // That it is bound is told, that it listens from now on is not.
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

    /// Nobody tells when an abstract name comes.
    fn look_at_name(&self, target: &Target<'_>) -> Result<(), NotReady> {
        let filled = target.values().fill(&self.path)?;
        let name = filled.strip_prefix('@').unwrap_or(&filled).as_bytes();
        if !unix_sockets::HAS_NAMES {
            return Err(NotReady::ever(format!(
                "`{filled}` is an abstract socket, which only Linux has: use a path"
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

enum Who {
    Ours,
    Nobody,
    Stranger(Option<u32>),
    /// The kernel does not tell.
    Unknown,
}

fn judge(
    target: &Target<'_>,
    listeners: impl FnOnce(&Diag) -> io::Result<Vec<UnixListener>>,
    server: impl FnOnce() -> io::Result<Option<u32>>,
) -> Result<(), NotReady> {
    match who(target, listeners).map_err(|error| listen::unseen(&error))? {
        Who::Ours => Ok(()),
        Who::Nobody => Err(nobody()),
        Who::Stranger(pid) => Err(stranger(pid)),
        Who::Unknown => connect(target, server),
    }
}

/// Whose socket listens there.
fn who(
    target: &Target<'_>,
    listeners: impl FnOnce(&Diag) -> io::Result<Vec<UnixListener>>,
) -> io::Result<Who> {
    if target.takes_any_listener() && !Diag::SEES_ALL {
        return Ok(Who::Unknown);
    }
    let Some(listeners) = target.ask(listeners)? else {
        return Ok(Who::Unknown);
    };
    let mut known = Who::Nobody;
    for listener in listeners {
        match listen::holder(target, listener.inode)? {
            Holds::Yes => return Ok(Who::Ours),
            // One that has but the name is another one's, elsewhere.
            _ if !listener.is_certain => {}
            _ if target.takes_any_listener() => return Ok(Who::Ours),
            Holds::Unknown => known = Who::Unknown,
            Holds::No => match proc::holder_of_socket(listener.inode) {
                // It closed while we looked.
                None => {}
                pid => known = Who::Stranger(pid),
            },
        }
    }
    Ok(known)
}

fn nobody() -> NotReady {
    NotReady::yet("nobody listens there").soon()
}

fn stranger(pid: Option<u32>) -> NotReady {
    let command = |pid| proc::command_line(pid).unwrap_or_default();
    let who = match pid {
        Some(pid) => format!("pid {pid}, `{}`", command(pid)),
        None => "a process that can't be seen".to_owned(),
    };
    NotReady::ever(format!("somebody else listens there: {who}"))
}

/// Asks by connecting, where the kernel names the one who called `listen`.
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
            Err(error) => Err(listen::unseen(&error)),
        },
        // A process of the service is in our pid namespace, or below it, and can be seen.
        None if Diag::SEES_ALL => Err(stranger(None)),
        None => Ok(()),
    }
}
