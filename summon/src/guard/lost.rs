//! What a guard reports of its service when the test that owned it was killed: as much as the test's
//! own report would say, but for the test's own words.

use std::fs::File;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::terms::About;
use crate::error::{Error, Source};
use crate::session::REPORT;
use crate::sys::dir::Dir;
use crate::sys::ending::Ending;
use crate::sys::signal::how_it_ended;
use crate::sys::{private, tail};

/// A process that closes its descriptors because it ends has ended soon.
const SOON: Duration = Duration::from_secs(1);

/// The moment when the owner of a service was lost, or one of its users.
pub(super) struct Lost {
    at: Instant,
    /// The tests that had not ended, and where in the log each began.
    tests: Vec<(String, u64)>,
    /// How long the log was: what comes later is said because the service is stopped.
    length: u64,
    /// How the service had ended by then, and how long before.
    exit: Option<(i32, Duration)>,
    /// What tells of the owner's end, if the system has such.
    owner: Option<Ending>,
}

impl Lost {
    pub(super) fn new(
        tests: Vec<(String, u64)>,
        length: u64,
        exit: Option<(i32, Instant)>,
        owner: Option<Ending>,
    ) -> Lost {
        let at = Instant::now();
        Lost {
            at,
            tests,
            length,
            exit: exit.map(|(status, when)| (status, at.saturating_duration_since(when))),
            owner,
        }
    }

    /// Whether the owner has ended, and has not just closed its socket.
    pub(super) fn is_real(&self) -> bool {
        let Some(owner) = &self.owner else {
            return true;
        };
        let _ = owner.wait(self.at + SOON);
        owner.has_come()
    }

    /// A report for each test.
    pub(super) fn reports(
        &self,
        name: &str,
        about: &About,
        log: &File,
        path: &Path,
    ) -> Vec<String> {
        let headline = match self.exit {
            Some((status, before)) => {
                let how = how_it_ended(ExitStatus::from_raw(status));
                let before = before.as_secs_f64();
                format!("{name} {how} {before:.1} s before its test was killed")
            }
            None => format!("{name} was alive when its test was killed"),
        };
        let report = |(test, since): &(String, u64)| {
            let mut error = Error::new(&*headline);
            if !test.is_empty() {
                error = error.fact("test", &**test);
            }
            let error = Error::new(format!("{error}{}", about.facts));
            let whole = *since..self.length.max(*since);
            let source = log.try_clone().map(|file| Left {
                file,
                path: path.to_owned(),
            });
            match source {
                Ok(source) => error
                    .tail(tail::of(Arc::new(source), whole, about.ready_at))
                    .to_string(),
                Err(_) => error.to_string(),
            }
        };
        self.tests.iter().map(report).collect()
    }
}

/// Adds reports to the file for them in a directory, in one write, since other guards report there too. Nobody can be told of
/// a failure.
pub(super) fn write(dir: &Dir, reports: &[String], keep: bool) {
    let Ok(mut file) = dir.append_or_create(REPORT.as_ref()) else {
        return;
    };
    let _ = file.write_all((reports.join("\n\n") + "\n\n").as_bytes());
    if keep {
        let _ = private::keep(&file);
    }
}

/// A log that its owner has left.
struct Left {
    file: File,
    path: PathBuf,
}

impl Source for Left {
    fn path(&self) -> &Path {
        &self.path
    }

    fn file(&self) -> &File {
        &self.file
    }

    /// The warden says whether it stays.
    fn name_it(&self) {}
}
