//! How a guard starts: from its job to its service.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::process::Pid;

use super::client::{Client, Latest};
use super::command::Owner;
use super::container::Engine;
use super::notify::Notify;
use super::recorder::Recorder;
use super::service::Service;
use super::sharing::Sharing;
use super::{Guard, command, wake};
use crate::guard::dispositions;
use crate::guard::link;
use crate::guard::program::Program;
use crate::guard::protocol::job::{Endings, First};
use crate::guard::protocol::message::News;
use crate::guard::protocol::wire;
use crate::guard::spawn::spawn;
use crate::guard::state::{Step, Told};
use crate::guard::terms::Terms;
use crate::guard::title::Title;
use crate::sys::ending;
use crate::sys::exit;
use crate::sys::family;
use crate::sys::ports;

/// How long to wait for the job. The owner sends it right after its request. The limit is needed if
/// the owner dies in between: a forked child may hold the other end of the socket, so no end of
/// file arrives.
const JOB_LIMIT: Duration = Duration::from_secs(60);
/// Runs a guard in this process, a child of `warden`, and ends the process.
pub(in crate::guard) fn run(owner: UnixStream, warden: Pid) {
    let _ = owner.set_read_timeout(Some(JOB_LIMIT));
    // End of file or time-out: the owner died before it sent the job. Nothing was started.
    let Ok(Some((body, fds))) = wire::receive(&owner) else {
        exit::now(0);
    };
    let mut job = match First::decode(&body, fds) {
        Ok(First::Guard(job)) => *job,
        Ok(First::Link(job)) => {
            Title::Link(&job.name).set();
            let _ = link::serve(&owner, job);
            // As below.
            wake(warden);
            exit::now(0);
        }
        Err(_) => exit::now(1),
    };
    let _ = owner.set_read_timeout(None);
    Title::Guard(&job.program.name).set();
    let Some(terms) = job.terms.take() else {
        let _ = command::serve(&owner, job);
        // The owner may have ended, and a halted warden would not clean up after it.
        wake(warden);
        exit::now(0);
    };
    match Guard::launch(owner, job.endings, job.program, terms, warden) {
        Ok(guard) => guard.watch(),
        Err((owner, step, error)) => {
            let errno = error.raw_os_error().unwrap_or(libc::EINVAL);
            let _ = wire::send(&owner, &News::Refused { step, errno }.encode(), &[]);
        }
    }
    exit::now(0);
}

impl Guard {
    fn launch(
        owner: UnixStream,
        endings: Endings<OwnedFd>,
        mut program: Program,
        mut terms: Terms,
        warden: Pid,
    ) -> Result<Guard, (UnixStream, Step, io::Error)> {
        let prepared = (|| {
            // A session without a controlling terminal: Ctrl-C reaches the test but not the
            // service, and the guard decides how the service ends. On macOS the session also
            // identifies the descendants.
            rustix::process::setsid()?;
            // SIGCHLD is caught before the program starts, so its end can't be missed.
            let child_ended = family::ChildEnds::of_guard(dispositions::notice_children()?)?;
            let log = terms.log.try_clone()?;
            let (recorder, output) = Recorder::new(log, terms.streams.take(), terms.log_limit)?;
            let notify = terms.notify.as_deref().map(Notify::bind).transpose()?;
            io::Result::Ok((child_ended, recorder, output, notify))
        })();
        let (child_ended, mut recorder, output, notify) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return Err((owner, Step::Prepare, error)),
        };
        // If the watch fails, the end of the socket is the only sign of the owner's end. That still
        // covers every owner without forked children.
        let watch = |sent: Option<OwnedFd>| sent.and_then(|sent| ending::watch(sent).ok());
        let (owner_ended, runner) = (watch(endings.owner), watch(endings.runner));
        let mut told = Told::default();
        if let Some(container) = &terms.container {
            let mut engine = Engine {
                program: &program,
                child_ended: &child_ended,
                recorder: Some(&mut recorder),
            };
            let ends = owner_ended.iter().chain(&runner).collect();
            let watched = Owner {
                socket: Some(&owner),
                ends,
            };
            if let Err(failed) = engine.run_before(container, &watched) {
                told.before = Some(failed);
                let _ = wire::send(&owner, &News::Told(told).encode(), &[]);
                return Err((owner, Step::Container, io::ErrorKind::Other.into()));
            }
            let created = engine.create(container);
            let is_created = created.is_ok();
            told.created = Some(created.unwrap_or_else(|failed| failed));
            // Before the program: a probe looks for the container as soon as the client runs.
            let _ = wire::send(&owner, &News::Told(told.clone()).encode(), &[]);
            if !is_created {
                return Err((owner, Step::Container, io::ErrorKind::Other.into()));
            }
        }
        let leader = match spawn(&program, [&output[0], &output[1]]) {
            Ok(leader) => leader,
            Err((step, error)) => return Err((owner, step, error)),
        };
        child_ended.started(leader);
        // The guard's own copies would keep the pipes open, and sockets would listen after the
        // service has ended.
        drop(output);
        program.stdin = None;
        program.sockets.clear();
        let sharing = terms.sharing.take();
        let sharing = sharing.and_then(|it| Sharing::new(it.socket, it.yields));
        let leases = std::mem::take(&mut terms.leases);
        let mut guard = Guard {
            warden,
            // A socket that can't be made non-blocking could block the guard, so it counts as
            // closed.
            owner: Client::new(owner).ok(),
            owner_ended,
            runner,
            run_ends: None,
            held_until: None,
            sharing,
            databases: None,
            allowed: Vec::new(),
            child_ended,
            latest: Latest::new(recorder.log.length),
            recorder,
            notify,
            service: Service::new(
                leader,
                terms.daemon,
                terms.container.is_some(),
                terms.stop.clone(),
            ),
            ended: None,
            told,
            lost: Vec::new(),
            program,
            terms,
            leases: leases.into_iter().map(ports::sign).collect(),
        };
        let started = guard.started();
        guard.tell(&started);
        Ok(guard)
    }
}
