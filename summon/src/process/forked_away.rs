//! Detects programs that daemonize without `daemon = true`: the launched program exits, and a
//! descendant serves.

use std::path::Path;
use std::time::{Duration, Instant};

use super::launched::Launched;
use super::parts::Parts;
use crate::probe;

/// How to keep well-known programs in the foreground.
const FOREGROUND: [(&str, &str); 24] = [
    ("apache2", "-DFOREGROUND"),
    ("avahi-daemon", "without `-D`"),
    ("dnsmasq", "-k"),
    ("exim4", "-bdf"),
    ("haproxy", "-db"),
    ("httpd", "-DFOREGROUND"),
    ("lighttpd", "-D"),
    ("named", "-g"),
    ("nginx", "-g 'daemon off;'"),
    ("nmbd", "-F"),
    ("opendkim", "-f"),
    ("php-fpm", "-F"),
    ("proftpd", "-n"),
    ("pg_ctl", "run `postgres` itself"),
    ("rsync", "--no-detach"),
    ("slapd", "-d stats"),
    ("smbd", "-F"),
    ("snmpd", "-f"),
    ("squid", "-N"),
    ("sshd", "-D"),
    ("tinyproxy", "-d"),
    ("unbound", "-d"),
    ("varnishd", "-F"),
    ("vsftpd", "-obackground=NO"),
];

/// How long descendants may outlive the program. Workers end within this time, a daemon does not.
const MOMENT: Duration = Duration::from_millis(100);
/// A program may still fork away this soon after it became ready.
const FRESH: Duration = Duration::from_millis(200);
/// The processor time that such a program may use before summon stops it anyway.
const SETTLING: Duration = Duration::from_millis(50);
/// The maximum wait for such a program. On a busy machine it waits for a processor.
const PATIENCE: Duration = Duration::from_secs(5);
/// The pause between two checks.
const PAUSE: Duration = Duration::from_micros(300);

/// Returns the descendants of a program that should have kept running but exited with code 0.
/// Empty if that has not happened.
pub(super) fn left_behind(launched: &Launched) -> Vec<String> {
    loop {
        let state = launched.guarded.state();
        let (Some(status), Some(at), Some(pids)) = (state.exit, state.exited, state.pids) else {
            return Vec::new();
        };
        if !status.success() || state.gone || launched.is_expected_to_end() {
            return Vec::new();
        }
        let left = probe::left_behind(pids);
        if left.is_empty() || at.elapsed() >= MOMENT {
            return left;
        }
        wait(launched, PAUSE, |state| state.gone);
    }
}

/// Waits until a program that has just become ready is idle. A program that gets the stop
/// signal while it forks away ends differently, for example with exit code 5.
pub(super) fn settle(launched: &Launched) {
    let is_fresh = launched.ready.get().is_some_and(|at| at.elapsed() < FRESH);
    if !is_fresh {
        return;
    }
    let (began, mut used_before) = (Instant::now(), None);
    while began.elapsed() < PATIENCE {
        let state = launched.guarded.state();
        if state.exit.is_some() || state.gone {
            return;
        }
        let Some(used) = state.pids.and_then(probe::busy_for) else {
            return;
        };
        // Processes that have ended no longer count, so the sum can shrink.
        let before = *used_before.get_or_insert(used);
        if used.saturating_sub(before) >= SETTLING {
            return;
        }
        wait(launched, PAUSE, |state| state.exit.is_some() || state.gone);
    }
}

fn wait(launched: &Launched, time: Duration, done: impl FnMut(&crate::guard::State) -> bool) {
    // Only `poll` can fail here. The caller then checks again without a pause.
    let until = Instant::now() + time;
    let _ = launched.guarded.wait_until(until, &[], done);
}

impl Parts {
    /// Returns the hint if the program has forked away.
    pub(super) fn forked_away(&self, launched: &Launched) -> Option<String> {
        let left = left_behind(launched);
        (!left.is_empty()).then(|| self.hint_at_daemon(&left))
    }

    /// Returns the hint for a program that has left these descendants behind.
    pub(super) fn hint_at_daemon(&self, left: &[String]) -> String {
        let words = self.declaration.spec.command.words().unwrap_or_default();
        let program = words.first().map(Path::new).and_then(Path::file_name);
        let flag = FOREGROUND
            .iter()
            .find(|(name, _)| program.is_some_and(|it| it == *name))
            .map(|(_, flag)| match flag.starts_with('-') {
                true => format!(" (`{flag}`)"),
                false => format!(" ({flag})"),
            });
        format!(
            "it has left `{}` behind, so it forks away: keep it in the foreground{}, \
             or set `daemon = true`",
            left.join("`, `"),
            flag.unwrap_or_default()
        )
    }
}
