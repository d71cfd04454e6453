//! Detects programs that daemonize without `daemon = true`: the launched program exits, and a
//! descendant serves.

use std::path::Path;
use std::time::{Duration, Instant};

use super::life::Run;
use super::{Inner, Process};
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

impl Inner {
    /// Returns the descendants of a program that should have kept running but exited with code 0.
    /// Empty if that has not happened.
    pub(super) fn left_behind(&self, run: &Run) -> Vec<String> {
        loop {
            let state = run.guarded.state();
            let (Some(status), Some(at), Some(pids)) = (state.exit, state.exited, state.pids)
            else {
                return Vec::new();
            };
            if !status.success() || state.gone || run.is_expected_to_end() {
                return Vec::new();
            }
            let left = probe::left_behind(pids);
            if left.is_empty() || at.elapsed() >= MOMENT {
                return left;
            }
            wait(run, PAUSE, |state| state.gone);
        }
    }

    /// Waits until a program that has just become ready is idle. A program that gets the stop
    /// signal while it forks away ends differently, for example with exit code 5.
    pub(super) fn settle(&self, run: &Run) {
        let is_fresh = run.ready.get().is_some_and(|at| at.elapsed() < FRESH);
        if !is_fresh || self.is_job() {
            return;
        }
        let (began, mut used_before) = (Instant::now(), None);
        while began.elapsed() < PATIENCE {
            let state = run.guarded.state();
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
            wait(run, PAUSE, |state| state.exit.is_some() || state.gone);
        }
    }

    /// Returns the hint for a program that has left these descendants behind.
    pub(super) fn hint_at_daemon(&self, left: &[String]) -> String {
        let words = self.spec.command.words().unwrap_or_default();
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

fn wait(run: &Run, time: Duration, done: impl FnMut(&crate::guard::State) -> bool) {
    // Only `poll` can fail here. The caller then checks again without a pause.
    let _ = run.guarded.wait_until(Instant::now() + time, &[], done);
}

impl Process {
    /// Returns the hint if the program has forked away.
    pub(super) fn forked_away(&self, run: &Run) -> Option<String> {
        let left = self.inner.left_behind(run);
        (!left.is_empty()).then(|| self.inner.hint_at_daemon(&left))
    }
}
