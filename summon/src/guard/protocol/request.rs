//! A request for a guard, which an owner sends to its warden.

use std::io;

use super::container::{get_removal, put_removal};
use super::encoding::{In, Out};
use super::job::{Task, get_program, put_program};
use crate::guard::program::Program;
use crate::guard::terms::Removal;

/// How a warden removes the container of a guard that was killed.
#[derive(Debug)]
pub(crate) struct Remover {
    /// Gives the commands their environment.
    pub(crate) program: Program,
    pub(crate) removal: Removal,
}

/// Encodes the request for the guard of this task. A container is more than a process: the warden must
/// learn of it before anybody can kill its guard.
pub(crate) fn encode(task: &Task<'_>) -> Vec<u8> {
    let container = match task {
        Task::Service(program, terms) => terms.container.as_ref().map(|it| (program, it)),
        Task::Command(_) | Task::Link { .. } => None,
    };
    let helper = container.map(|(program, container)| (program.helper(&[]), &container.removal));
    put(helper
        .as_ref()
        .map(|(program, removal)| (program, *removal)))
}

fn put(remover: Option<(&Program, &Removal)>) -> Vec<u8> {
    let mut out = Out::default();
    out.option(remover, |out, (program, removal)| {
        put_program(out, program);
        put_removal(out, removal);
    });
    out.bytes
}

pub(crate) fn decode(bytes: &[u8]) -> io::Result<Option<Remover>> {
    let mut from = In::new(bytes, Vec::new());
    from.option(|from| {
        Ok(Remover {
            program: get_program(from)?,
            removal: get_removal(from)?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn removal() -> Removal {
        let words = |words: &str| words.split(' ').map(Into::into).collect();
        Removal {
            remove: words("docker rm x"),
            list: words("docker ps"),
        }
    }

    #[test]
    fn a_warden_reads_how_to_remove_a_container() {
        let program = Program {
            name: "server".into(),
            argv: Vec::new(),
            env: vec![("DOCKER_HOST".into(), "tcp://a".into())],
            dir: "/".into(),
            user: None,
            attributes: Default::default(),
            stdin: None,
            outlives_guard: true,
            sockets: Vec::new(),
        };
        let good = put(Some((&program, &removal())));
        let read = decode(&good).unwrap().unwrap();
        assert_eq!(read.program.env, program.env);
        assert_eq!(read.removal.list, removal().list);
        assert!(decode(&put(None)).unwrap().is_none());
        for length in 0..good.len() {
            assert!(decode(&good[..length]).is_err(), "{length}");
        }
    }
}
