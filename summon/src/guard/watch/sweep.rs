//! Cleans up after the service: the commands that follow its stop, then its files.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::command::{Owner, Run};
use super::recorder::LogWriter;
use super::{Guard, killed_test};
use crate::guard::protocol::message::News;
use crate::guard::state::Ran;
use crate::session::{INTERRUPTED, Sweep};
use crate::sys::{holes, is_alone, private};

/// The minimum time for each command that runs after the stop.
const LEAST: Duration = Duration::from_secs(1);
impl Guard {
    /// Runs the commands that follow the stop, whether or not the owner still lives.
    pub(super) fn clean_up(&mut self, patience: Duration) {
        let limit = self.service.plan().grace.max(LEAST);
        for argv in &self.terms.after_stop {
            let program = self.program.helper(argv);
            let run = Run {
                program: &program,
                until: Instant::now() + limit,
                patience,
                apart: false,
            };
            let ran = match run.to_end(&self.child_ended, &Owner::default()) {
                Ok(Ok(Some(ran))) => ran,
                Ok(Err((_, error))) | Err(error) => Ran {
                    status: Some(127 << 8),
                    output: error.to_string().into_bytes(),
                    errors: Vec::new(),
                },
                Ok(Ok(None)) => continue,
            };
            self.recorder.log.keep(&ran.output);
            self.latest.length = self.recorder.log.length;
            let news = News::AfterStop(ran);
            let sharing = self.sharing.iter_mut();
            let users = sharing.flat_map(|sharing| &mut sharing.users);
            self.owner
                .iter_mut()
                .chain(users)
                .for_each(|it| it.tell(&news));
        }
    }

    /// Cleans up in the owner's place. The log of a dead owner is left to its warden, which knows
    /// whether the owner was killed. The log of a service that a run shares stays if a user was
    /// killed.
    pub(super) fn sweep(&mut self) {
        let (terms, log) = (&self.terms, &self.recorder.log.file);
        let (name, files) = (&self.program.name, &terms.sweep);
        let is_of_run = self.sharing.is_some();
        let lost = std::mem::take(&mut self.lost);
        let was_interrupted = is_of_run && files.was_interrupted();
        let lost = lost
            .into_iter()
            .filter(|it| !was_interrupted && it.is_real());
        let reports: Vec<String> = lost
            .flat_map(|it| it.reports(name, &terms.about, log, &files.log))
            .collect();
        if !reports.is_empty() {
            killed_test::write(&files.logs, &reports, is_of_run);
            if is_of_run {
                let _ = private::keep(log);
            }
        }
        let for_warden = !is_of_run && !reports.is_empty();
        remove(files, &mut self.recorder.log, for_warden);
    }
}

/// Removes the files that the owner would have removed. Notes failures in the log, and keeps the
/// log then. `for_warden`: the log stays until a warden has decided about it.
fn remove(files: &Sweep, log: &mut LogWriter, for_warden: bool) {
    let parent = files.tree.parent().unwrap_or(&files.tree);
    let left = files.homes.remove(name(&files.tree), parent);
    for left in &left {
        log.keep(format!("[summon: {left}]\n").as_bytes());
    }
    if !left.is_empty() {
        let _ = private::keep(&log.file);
    }
    let (logs, log_name) = (&files.logs, name(&files.log));
    // Read before `leave`, which marks its copy as kept.
    let is_kept = private::is_kept(&log.file);
    let _ = match is_kept || for_warden {
        // The service may have renamed or replaced the log's name. `leave` puts the real log there,
        // from its descriptor.
        true => holes::leave(&log.file, logs, log_name),
        false => logs.remove_file(log_name),
    };
    if !is_kept && for_warden {
        // Takes the mark off again: the warden decides about this log.
        let copy = logs.append(log_name);
        let _ = copy.and_then(|copy| private::release(&copy));
    }
    for stream in &files.streams {
        let _ = logs.remove_file(name(stream));
    }
    if let Some(socket) = &files.socket {
        let _ = fs::remove_file(socket);
    }
    // After the files that the claim protects. Without the claim, another process may take the
    // name, and would lose its new files to this clean-up.
    if let Some((claim, _)) = &files.claim {
        let _ = files.session.remove_file(name(claim));
    }
    // Root made this directory for another user. `remove_dir` removes it only if it is empty.
    if !files.parents.iter().any(|of_session| of_session == parent) {
        let _ = fs::remove_dir(parent);
    }
    // A warden finds the directory of the logs through the session's directory, so both stay.
    if for_warden {
        return;
    }
    // Only if no other process holds the session's lock: another holder may be about to put files
    // there.
    if is_alone(&files.session) {
        for parent in &files.parents {
            let _ = fs::remove_file(parent.join(INTERRUPTED));
            let _ = fs::remove_dir(parent);
        }
    }
}

fn name(path: &Path) -> &OsStr {
    path.file_name().unwrap_or_default()
}
