//! The commands for a container, as a part of a job.

use std::io;

use super::encoding::{In, Out};
use crate::guard::terms::Container;

pub(super) fn put_container<'a>(out: &mut Out<'a>, container: &'a Container) {
    let Container {
        create,
        copy,
        inspect,
        remove,
        list,
    } = container;
    out.words(create);
    out.option(copy.as_ref(), |out, (words, archive)| {
        out.words(words);
        out.fd(archive);
    });
    out.words(inspect);
    out.words(remove);
    out.words(list);
}

pub(super) fn get_container(from: &mut In<'_>) -> io::Result<Container> {
    Ok(Container {
        create: from.words()?,
        copy: from.option(|from| Ok((from.words()?, from.fd()?)))?,
        inspect: from.words()?,
        remove: from.words()?,
        list: from.words()?,
    })
}
