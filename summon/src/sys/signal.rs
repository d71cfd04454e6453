//! Signals by name, and the meaning of a wait status.

use std::fmt;
use std::process::ExitStatus;

use super::status;

/// A signal, as in `signal(7)`.
///
/// ```
/// use summon::{Signal, SimpleExecutor};
///
/// let worker = SimpleExecutor::new("sleep 100").stop_signal(Signal::INT);
/// # let _ = worker;
/// assert_eq!(Signal::INT.to_string(), "SIGINT");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signal(i32);

// A new signal is a constant and a name here, and an entry of the macros' `named_values.rs`.
impl Signal {
    /// Asks to end. This is the default of `stop`.
    pub const TERM: Signal = Signal(libc::SIGTERM);
    /// The signal of Ctrl-C.
    pub const INT: Signal = Signal(libc::SIGINT);
    /// The terminal has closed. Many servers reload their configuration.
    pub const HUP: Signal = Signal(libc::SIGHUP);
    /// Asks to end with a core dump. nginx takes it as a graceful stop.
    pub const QUIT: Signal = Signal(libc::SIGQUIT);
    /// Ends the process at once. It can't be caught.
    pub const KILL: Signal = Signal(libc::SIGKILL);
    /// The first of two signals without a fixed meaning.
    pub const USR1: Signal = Signal(libc::SIGUSR1);
    /// The second of two signals without a fixed meaning.
    pub const USR2: Signal = Signal(libc::SIGUSR2);
    /// Halts the process until [`Signal::CONT`]. It can't be caught.
    pub const STOP: Signal = Signal(libc::SIGSTOP);
    /// Continues the process after [`Signal::STOP`].
    pub const CONT: Signal = Signal(libc::SIGCONT);
    /// The signal that `abort` raises.
    pub const ABRT: Signal = Signal(libc::SIGABRT);
    /// The signal of an invalid memory reference.
    pub const SEGV: Signal = Signal(libc::SIGSEGV);
    /// The size of the terminal's window has changed. Apache takes it as a graceful stop.
    pub const WINCH: Signal = Signal(libc::SIGWINCH);

    /// Returns the number of the signal on this system.
    ///
    /// ```
    /// assert_eq!(summon::Signal::KILL.number(), 9);
    /// ```
    pub fn number(self) -> i32 {
        self.0
    }

    /// Whether this signal ended a program.
    pub(crate) fn has_ended(self, status: ExitStatus) -> bool {
        status::signal(status) == Some(self.0)
    }

    #[cfg(unix)]
    pub(crate) fn from_number(number: i32) -> Signal {
        Signal(number)
    }

    /// Reads a signal as engines of containers write it: `SIGINT`, `INT`, `2`, `SIGRTMIN+3`.
    pub(crate) fn named(text: &str) -> Option<Signal> {
        let text = text.trim().to_uppercase();
        let name = text.strip_prefix("SIG").unwrap_or(&text);
        let known = NAMES.iter().find(|(_, known)| known[3..] == *name);
        let number = match (known, name.strip_prefix("RTMIN")) {
            (Some((number, _)), _) => Some(*number),
            (None, Some("")) => Some(FIRST_REAL_TIME),
            (None, Some(more)) => {
                let more: Option<i32> = more.strip_prefix('+').and_then(|it| it.parse().ok());
                more.map(|more| FIRST_REAL_TIME + more)
            }
            (None, None) => name.parse().ok(),
        };
        number
            .filter(|number| (1..=64).contains(number))
            .map(Signal)
    }

    /// Converts it for system calls. Returns `None` if no signal has the number.
    #[cfg(unix)]
    pub(crate) fn to_rustix(self) -> Option<rustix::process::Signal> {
        // Real-time signals have no names here. C libraries use the first of them internally
        // (`signal(7)`).
        rustix::process::Signal::from_named_raw(self.0)
    }
}

/// `SIGRTMIN` of programs on Linux, where containers run.
const FIRST_REAL_TIME: i32 = 34;

macro_rules! names {
    ($($name:ident = $number:literal,)*) => {
        const NAMES: &[(i32, &str)] = &[$((libc::$name, stringify!($name))),*];

        /// Windows has no signals, so these are the numbers of Linux.
        #[cfg(windows)]
        mod libc {
            $(pub(super) const $name: i32 = $number;)*
        }
    };
}

// The signals of all systems, each with its number on Linux.
names! {
    SIGHUP = 1,
    SIGINT = 2,
    SIGQUIT = 3,
    SIGILL = 4,
    SIGTRAP = 5,
    SIGABRT = 6,
    SIGBUS = 7,
    SIGFPE = 8,
    SIGKILL = 9,
    SIGUSR1 = 10,
    SIGSEGV = 11,
    SIGUSR2 = 12,
    SIGPIPE = 13,
    SIGALRM = 14,
    SIGTERM = 15,
    SIGCHLD = 17,
    SIGCONT = 18,
    SIGSTOP = 19,
    SIGTSTP = 20,
    SIGXCPU = 24,
    SIGXFSZ = 25,
    SIGWINCH = 28,
    SIGSYS = 31,
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(number, _)| *number == self.0) {
            Some((_, name)) => f.write_str(name),
            None => write!(f, "signal {}", self.0),
        }
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Describes how a program ended, as the end of a sentence: "exited with code 1".
pub(crate) fn how_it_ended(status: ExitStatus) -> String {
    match (status.code(), status::signal(status)) {
        (Some(code), _) => format!("exited with code {code}"),
        (None, Some(signal)) => {
            let core = if status::core_dumped(status) {
                " (core dumped)"
            } else {
                ""
            };
            format!("was killed by {}{core}", Signal(signal))
        }
        (None, None) => format!("ended with {status}"),
    }
}

/// What a process does with a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "only Linux shows it")]
pub(crate) enum Disposition {
    /// It catches or ignores the signal, or waits for it by `sigwait(3)` right now.
    Handled,
    /// It blocks the signal, and gets it later.
    Blocked,
    Default,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_names_a_signal_in_several_ways() {
        let number = |text: &str| Signal::named(text).map(Signal::number);
        for text in ["SIGINT", "int", "2"] {
            assert_eq!(number(text), Some(libc::SIGINT), "{text}");
        }
        assert_eq!(number("SIGWINCH"), Some(libc::SIGWINCH));
        assert_eq!(number("SIGRTMIN+3"), Some(37));
        for text in ["", "SIG", "0", "65", "SIGNOTHING", "RTMIN+99", "RTMIN+x"] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    #[test]
    fn the_end_is_told_in_words() {
        let told = |raw| how_it_ended(status::from_raw(raw));
        assert_eq!(told(3 << 8), "exited with code 3");
        assert_eq!(told(libc::SIGKILL), "was killed by SIGKILL");
        assert_eq!(
            told(libc::SIGSEGV | 0x80),
            "was killed by SIGSEGV (core dumped)"
        );
    }
}
