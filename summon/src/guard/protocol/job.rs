//! The job of a guard, as bytes and descriptors. Descriptors travel in the order of their fields,
//! so each `get` function reads in the order of its `put`.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
#[cfg(any(test, fuzzing))]
use std::os::fd::AsFd;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;

use super::container::{get_container, put_container};
use super::encoding::{In, Out};
use super::wire::garbled;
use crate::guard::program::{Attributes, Program};
use crate::guard::terms::{About, Sharing, StopPlan, Terms};
use crate::session::Sweep;
use crate::sys::subnet::Subnet;
use crate::sys::users::User;

/// The first frame that a child of the warden receives.
#[derive(Debug)]
pub(crate) enum First {
    /// It becomes a guard.
    Guard(Box<Job>),
    /// It becomes a link.
    Link(LinkJob),
}

/// The job of a guard.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) endings: Endings<OwnedFd>,
    pub(crate) program: Program,
    /// The terms of a service. `None` for a helper command, which runs to completion each time its
    /// owner asks.
    pub(crate) terms: Option<Terms>,
}

/// Reports of the endings of owner and runner, as far as the system has them.
#[derive(Debug)]
pub(crate) struct Endings<Fd> {
    pub(crate) owner: Option<Fd>,
    pub(crate) runner: Option<Fd>,
}

/// The job of a link.
#[derive(Debug)]
pub(crate) struct LinkJob {
    pub(crate) endings: Endings<OwnedFd>,
    pub(crate) name: String,
    /// Where it listens.
    pub(crate) addr: SocketAddr,
    /// The lease of the port.
    pub(crate) lease: OwnedFd,
    /// Where the server listens, if that is known.
    pub(crate) target: Option<SocketAddr>,
    /// The only clients, if it is the relay of a container. A relay ends with the guard of the container.
    pub(crate) clients: Option<Vec<Subnet>>,
}

/// The task of a child of the warden.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Task<'a> {
    Service(&'a Program, &'a Terms),
    /// Run a helper command each time the owner asks.
    Command(&'a Program),
    Link {
        name: &'a str,
        addr: SocketAddr,
        lease: BorrowedFd<'a>,
        target: Option<SocketAddr>,
        clients: Option<&'a [Subnet]>,
    },
}

/// Encodes a job.
pub(crate) fn encode<'a>(endings: &'a Endings<BorrowedFd<'a>>, task: &'a Task<'a>) -> Out<'a> {
    let mut out = Out::default();
    out.flag(matches!(task, Task::Link { .. }));
    // A descriptor has no place in the bytes. The flag of the option tells the decoder whether to
    // take the next one, so both sides stay in step.
    out.option(endings.owner.as_ref(), Out::fd);
    out.option(endings.runner.as_ref(), Out::fd);
    match task {
        Task::Service(program, terms) => {
            put_program(&mut out, program);
            out.option(Some(*terms), put_terms);
        }
        Task::Command(program) => {
            put_program(&mut out, program);
            out.option(None, put_terms);
        }
        Task::Link {
            name,
            addr,
            lease,
            target,
            clients,
        } => {
            out.bytes(name.as_bytes());
            out.bytes(addr.to_string().as_bytes());
            out.fd(lease);
            out.option(*target, |out, target| {
                out.bytes(target.to_string().as_bytes());
            });
            out.option(*clients, |out, clients| {
                out.list(clients, |out, subnet| {
                    out.bytes(subnet.to_string().as_bytes());
                });
            });
        }
    }
    out
}

impl First {
    pub(crate) fn decode(bytes: &[u8], fds: Vec<OwnedFd>) -> io::Result<First> {
        let mut from = In::new(bytes, fds);
        let is_link = from.flag()?;
        let endings = Endings {
            owner: from.option(In::fd)?,
            runner: from.option(In::fd)?,
        };
        if !is_link {
            return Ok(First::Guard(Box::new(Job {
                endings,
                program: get_program(&mut from)?,
                terms: from.option(get_terms)?,
            })));
        }
        Ok(First::Link(LinkJob {
            endings,
            name: from.text()?,
            addr: from.text()?.parse().map_err(|_| garbled())?,
            lease: from.fd()?,
            target: from.option(|from| from.text()?.parse().map_err(|_| garbled()))?,
            clients: from
                .option(|from| from.list(|from| from.text()?.parse().map_err(|()| garbled())))?,
        }))
    }
}

pub(super) fn put_program<'a>(out: &mut Out<'a>, program: &'a Program) {
    out.bytes(program.name.as_bytes());
    out.words(&program.argv);
    out.list(&program.env, |out, (name, value)| {
        out.os(name);
        out.os(value);
    });
    out.os(program.dir.as_os_str());
    out.option(program.user, |out, user| {
        out.number(user.uid.into());
        out.number(user.gid.into());
    });
    put_attributes(out, &program.attributes);
    out.option(program.stdin.as_ref(), Out::fd);
    out.flag(program.outlives_guard);
    out.list(&program.sockets, |out, (name, socket)| {
        out.bytes(name.as_bytes());
        out.fd(socket);
    });
}

pub(super) fn get_program(from: &mut In<'_>) -> io::Result<Program> {
    Ok(Program {
        name: from.text()?,
        argv: from.words()?,
        env: from.list(|from| Ok((from.os()?, from.os()?)))?,
        dir: from.os()?.into(),
        user: from.option(|from| {
            Ok(User {
                uid: from.number()? as u32,
                gid: from.number()? as u32,
            })
        })?,
        attributes: get_attributes(from)?,
        stdin: from.option(In::fd)?,
        outlives_guard: from.flag()?,
        sockets: from.list(|from| Ok((from.text()?, from.fd()?)))?,
    })
}

fn put_attributes(out: &mut Out<'_>, attributes: &Attributes) {
    let Attributes { umask, nice } = attributes;
    out.option(*umask, |out, umask| out.number(umask.into()));
    out.option(*nice, Out::signed);
}

fn get_attributes(from: &mut In<'_>) -> io::Result<Attributes> {
    Ok(Attributes {
        umask: from.option(In::number)?.map(|umask| umask as u32),
        nice: from.option(In::signed)?,
    })
}

fn put_terms<'a>(out: &mut Out<'a>, terms: &'a Terms) {
    out.flag(terms.daemon);
    put_stop(out, &terms.stop);
    out.option(terms.container.as_ref(), put_container);
    out.list(&terms.after_stop, |out, words: &Vec<OsString>| {
        out.words(words);
    });
    out.fd(&terms.log);
    out.number(terms.log_limit);
    out.option(terms.streams.as_ref(), |out, [stdout, stderr]| {
        out.fd(stdout);
        out.fd(stderr);
    });
    out.option(terms.notify.as_ref(), |out, name| {
        out.bytes(name.as_bytes());
    });
    out.bytes(terms.about.test.as_bytes());
    out.bytes(terms.about.facts.as_bytes());
    out.number(terms.about.since);
    out.option(terms.about.ready_at, Out::number);
    put_sweep(out, &terms.sweep);
    out.option(terms.sharing.as_ref(), |out, sharing| {
        out.fd(&sharing.socket);
        out.os(sharing.path.as_os_str());
        out.flag(sharing.yields);
    });
    out.list(&terms.leases, Out::fd);
    out.list(&terms.relays, Out::fd);
}

fn get_terms(from: &mut In<'_>) -> io::Result<Terms> {
    Ok(Terms {
        daemon: from.flag()?,
        stop: get_stop(from)?,
        container: from.option(get_container)?,
        after_stop: from.list(In::words)?,
        log: from.fd()?,
        log_limit: from.number()?,
        streams: from.option(|from| Ok([from.fd()?, from.fd()?]))?,
        notify: from.option(In::text)?,
        about: About {
            test: from.text()?,
            facts: from.text()?,
            since: from.number()?,
            ready_at: from.option(In::number)?,
        },
        sweep: get_sweep(from)?,
        sharing: from.option(|from| {
            Ok(Sharing {
                socket: from.fd()?,
                path: from.os()?.into(),
                yields: from.flag()?,
            })
        })?,
        leases: from.list(In::fd)?,
        relays: from.list(In::fd)?,
    })
}

/// Also part of the order to stop a service.
pub(crate) fn put_stop(out: &mut Out<'_>, plan: &StopPlan) {
    out.signal(plan.signal);
    out.flag(plan.only_leader);
    out.option(plan.command.as_ref(), |out, words| out.words(words));
    out.duration(plan.grace);
}

pub(crate) fn get_stop(from: &mut In<'_>) -> io::Result<StopPlan> {
    Ok(StopPlan {
        signal: from.signal()?,
        only_leader: from.flag()?,
        command: from.option(In::words)?,
        grace: from.duration()?,
    })
}

fn put_sweep<'a>(out: &mut Out<'a>, sweep: &'a Sweep) {
    out.fd(&*sweep.session);
    out.fd(&*sweep.logs);
    out.fd(&*sweep.homes);
    out.os(sweep.tree.as_os_str());
    out.os(sweep.log.as_os_str());
    out.list(&sweep.streams, |out, path| out.os(path.as_os_str()));
    out.option(sweep.socket.as_ref(), |out, path| out.os(path.as_os_str()));
    out.option(sweep.claim.as_ref(), |out, (path, lock)| {
        out.os(path.as_os_str());
        out.fd(lock);
    });
    out.list(&sweep.parents, |out, path| out.os(path.as_os_str()));
}

fn get_sweep(from: &mut In<'_>) -> io::Result<Sweep> {
    Ok(Sweep {
        session: Arc::new(from.fd()?.into()),
        logs: Arc::new(from.fd()?.into()),
        homes: Arc::new(from.fd()?.into()),
        tree: from.os()?.into(),
        log: from.os()?.into(),
        streams: from.list(|from| Ok(from.os()?.into()))?,
        socket: from.option(|from| Ok(from.os()?.into()))?,
        claim: from.option(|from| Ok((from.os()?.into(), from.fd()?)))?,
        parents: from.list(|from| Ok(from.os()?.into()))?,
    })
}

/// Decodes a job and encodes it again, with as many descriptors as it has bytes.
#[cfg(any(test, fuzzing))]
pub(crate) fn written_again(bytes: &[u8]) -> io::Result<(Vec<u8>, usize)> {
    let null = OwnedFd::from(std::fs::File::open("/dev/null")?);
    // 64 descriptors are enough for every small job.
    let fds = (0..bytes.len().min(64)).map(|_| null.try_clone());
    let first = First::decode(bytes, fds.collect::<io::Result<_>>()?)?;
    let endings = match &first {
        First::Guard(job) => &job.endings,
        First::Link(job) => &job.endings,
    };
    let endings = Endings {
        owner: endings.owner.as_ref().map(AsFd::as_fd),
        runner: endings.runner.as_ref().map(AsFd::as_fd),
    };
    let task = match &first {
        First::Guard(job) => match &job.terms {
            Some(terms) => Task::Service(&job.program, terms),
            None => Task::Command(&job.program),
        },
        First::Link(job) => Task::Link {
            name: &job.name,
            addr: job.addr,
            lease: job.lease.as_fd(),
            target: job.target,
            clients: job.clients.as_deref(),
        },
    };
    let out = encode(&endings, &task);
    Ok((out.bytes.clone(), out.fds.len()))
}

#[cfg(test)]
mod tests;
