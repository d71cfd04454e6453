//! How directories and logs are called, and which of these names this process uses.

use std::io;
use std::sync::{Arc, PoisonError};

use super::Session;

/// A name that this process uses in a session. No other process looks for names there, unless they
/// share the session, where claims say the same.
#[derive(Debug)]
pub(super) struct Name {
    session: Arc<Session>,
    name: String,
}

impl Name {
    pub(super) fn take(session: &Arc<Session>, name: String) -> io::Result<Name> {
        let mut names = session.names.lock().unwrap_or_else(PoisonError::into_inner);
        match names.insert(name.clone()) {
            true => Ok(Name {
                session: Arc::clone(session),
                name,
            }),
            false => Err(io::ErrorKind::AlreadyExists.into()),
        }
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        // A forked child makes a session of its own, and can't take a lock that a thread of its parent
        // held.
        if self.session.maker.is_here() {
            let names = self.session.names.lock();
            names
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&self.name);
        }
    }
}

/// The name, and the same with the numbers that follow it.
pub(super) fn numbered(name: &str) -> impl Iterator<Item = String> + '_ {
    let rest = (2..).map(move |number: u32| format!("{name}-{number}"));
    std::iter::once(name.to_owned()).chain(rest)
}

/// A longer name of a test or of a program is cut short, so that names of logs and of their
/// directories stay under 255 bytes.
const LONGEST: usize = 80;

/// How a test or a program is called in the name of a file: `a-b-c` for `a::b::c`. Of a long name the
/// end stays, which tells tests of one module apart.
pub(super) fn short_file_name(test: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let name: String = test
        .replace("::", "-")
        .chars()
        .map(|c| if safe(c) { c } else { '_' })
        .collect();
    let end = &name[name.len().saturating_sub(LONGEST)..];
    // What begins with a dash is an option to most commands.
    match end.trim_start_matches('-') {
        "" => "test".to_owned(),
        end => end.to_owned(),
    }
}

/// A name that is a file name anywhere, and short: paths of Unix sockets end at 107 bytes, and at 103
/// where temporary directories have long names, too.
pub(super) fn file_name(name: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = name
        .chars()
        .take(32)
        .map(|c| if safe(c) { c } else { '_' })
        .collect();
    match name.trim_start_matches('.') {
        "" => "process".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tests_make_file_names() {
        assert_eq!(short_file_name("a::b::case_1"), "a-b-case_1");
        assert_eq!(short_file_name("../a b/ä"), "___a_b__");
        assert_eq!(short_file_name("::"), "test");
        let long = format!("{}::the_end", "x".repeat(300));
        let short = short_file_name(&long);
        assert!(short.len() == 80 && short.ends_with("x-the_end"), "{short}");
    }

    #[test]
    fn names_make_file_names() {
        assert_eq!(file_name("redis"), "redis");
        assert_eq!(file_name("../../etc"), "_.._etc");
        assert_eq!(file_name(""), "process");
        assert_eq!(file_name("ä/b"), "__b");
    }
}
