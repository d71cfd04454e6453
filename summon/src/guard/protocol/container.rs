//! The commands for a container, as a part of a job.

use std::io;

use super::encoding::{In, Out};
use crate::guard::terms::{Container, Removal};

pub(super) fn put_container<'a>(out: &mut Out<'a>, container: &'a Container) {
    let Container {
        before,
        before_limit,
        create,
        id_file,
        copy,
        inspect,
        removal,
    } = container;
    out.list(before, |out, words| out.words(words));
    out.duration(*before_limit);
    out.words(create);
    out.option(id_file.as_ref(), |out, path| out.os(path.as_os_str()));
    out.option(copy.as_ref(), |out, (words, archive)| {
        out.words(words);
        out.fd(archive);
    });
    out.words(inspect);
    put_removal(out, removal);
}

/// Also part of a request for a guard.
pub(super) fn put_removal(out: &mut Out<'_>, removal: &Removal) {
    out.words(&removal.remove);
    out.words(&removal.list);
}

pub(super) fn get_removal(from: &mut In<'_>) -> io::Result<Removal> {
    Ok(Removal {
        remove: from.words()?,
        list: from.words()?,
    })
}

pub(super) fn get_container(from: &mut In<'_>) -> io::Result<Container> {
    Ok(Container {
        before: from.list(In::words)?,
        before_limit: from.duration()?,
        create: from.words()?,
        id_file: from.option(In::os)?.map(Into::into),
        copy: from.option(|from| Ok((from.words()?, from.fd()?)))?,
        inspect: from.words()?,
        removal: get_removal(from)?,
    })
}

/// Returns a container for tests.
#[cfg(test)]
pub(super) fn example(archive: std::os::fd::OwnedFd) -> Container {
    let docker = |word: &str| vec!["docker".into(), word.into()];
    Container {
        before: vec![docker("run")],
        before_limit: std::time::Duration::from_secs(3),
        create: docker("create"),
        id_file: Some("/tmp/id".into()),
        copy: Some((docker("cp"), archive)),
        inspect: docker("inspect"),
        removal: Removal {
            remove: docker("rm"),
            list: docker("ps"),
        },
    }
}
