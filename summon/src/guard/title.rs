//! The titles that `ps` shows for summon's own processes.

use std::fmt;

use crate::sys::title::{arguments, set_short};

/// A process of summon, most with the name of the service.
#[derive(Clone, Copy)]
pub(super) enum Title<'a> {
    Warden,
    Guard(&'a str),
    GuardOfFixture(&'a str),
    Link(&'a str),
    Remover(&'a str),
}

impl fmt::Display for Title<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Title::Warden => f.write_str("summon-warden"),
            Title::Guard(name) => write!(f, "summon-guard: {name}"),
            // The mark stands before the name, since a title has little room and a long name is cut.
            Title::GuardOfFixture(name) => write!(f, "summon-guard, a fixture: {name}"),
            Title::Link(name) => write!(f, "summon-link: {name}"),
            Title::Remover(name) => write!(f, "summon-remover: {name}"),
        }
    }
}

impl Title<'_> {
    /// Writes the title over the arguments of this process as far as it fits, and its first word into the
    /// short name.
    /// Without support by the system, nothing happens.
    pub(super) fn set(self) {
        let text = self.to_string();
        let short: String = text.chars().take_while(|c| !":,".contains(*c)).collect();
        set_short(&short);
        let Some((start, end)) = arguments() else {
            return;
        };
        let length = end.saturating_sub(start);
        let mut title = text.into_bytes();
        // The last byte stays NUL. Otherwise the kernel continues into the environment, and `ps` shows
        // that too (`proc_pid_cmdline(5)`).
        title.truncate(length.saturating_sub(1));
        // Zeroes erase the rest of the old arguments, which `ps` would show after the title.
        title.resize(length, 0);
        // SAFETY: the kernel reports this range as the arguments of this process, on its own writable
        // stack. `title` has the same length. The process has one thread, so no other code reads the
        // range now.
        unsafe { std::ptr::copy_nonoverlapping(title.as_ptr(), start as *mut u8, length) };
    }
}
