//! The report of a guard about a killed test. It has the content of the test's own report, except
//! for the test's own words.

use std::fs::File;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::{Error, Source};
use crate::guard::terms::About;
use crate::session::REPORT;
use crate::sys::dir::Dir;
use crate::sys::ending::Ending;
use crate::sys::signal::how_it_ended;
use crate::sys::{log_end, private};

/// How long to wait for the owner's end after its socket has closed. A dying process closes its
/// descriptors shortly before it ends.
const SOON: Duration = Duration::from_secs(1);

/// An owner or a user that the guard has lost.
pub(super) struct LostClient {
    /// When the guard lost it.
    at: Instant,
    tests: Vec<LostTest>,
    /// The length of the log. Later output belongs to the stop of the service.
    length: u64,
    /// The wait status of a service that had ended before, and how long before.
    exit: Option<(i32, Duration)>,
    /// Reports the owner's end, if the system can.
    owner: Option<Ending>,
}

/// A test that had not ended.
pub(super) struct LostTest {
    name: String,
    /// The position in the log where it began.
    since: u64,
    /// The URLs of its databases.
    databases: Vec<String>,
}

impl LostTest {
    /// `databases` are the client's databases, each with the name of its test.
    pub(super) fn new(name: &str, since: u64, databases: &[(String, String)]) -> LostTest {
        let own = databases.iter().filter(|(test, _)| test == name);
        LostTest {
            name: name.to_owned(),
            since,
            databases: own.map(|(_, url)| url.clone()).collect(),
        }
    }
}

impl LostClient {
    pub(super) fn new(
        tests: Vec<LostTest>,
        length: u64,
        exit: Option<(i32, Instant)>,
        owner: Option<Ending>,
    ) -> LostClient {
        let at = Instant::now();
        LostClient {
            at,
            tests,
            length,
            exit: exit.map(|(status, when)| (status, at.saturating_duration_since(when))),
            owner,
        }
    }

    /// Returns whether the owner has ended. An owner that only closed its socket has given up the
    /// service in order.
    pub(super) fn is_real(&self) -> bool {
        let Some(owner) = &self.owner else {
            return true;
        };
        // The kernel closes the descriptors of a dying process before it reports the end, so the
        // report may come a moment after the end of file.
        let _ = owner.wait(self.at + SOON);
        owner.has_come()
    }

    /// Builds a report for each test.
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
        let report = |test: &LostTest| {
            let mut error = Error::new(&*headline);
            if !test.name.is_empty() {
                error = error.fact("test", &*test.name);
            }
            for url in &test.databases {
                error = error.fact("database", &**url);
            }
            let error = Error::new(format!("{error}{}", about.facts));
            // On a file system without holes the log may have been cut below the start of the test.
            // The range must not run backwards then.
            let whole = test.since..self.length.max(test.since);
            let source = log.try_clone().map(|file| OrphanedLog {
                file,
                path: path.to_owned(),
            });
            match source {
                Ok(source) => error
                    .tail(log_end::of(Arc::new(source), whole, about.ready_at))
                    .to_string(),
                Err(_) => error.to_string(),
            }
        };
        self.tests.iter().map(report).collect()
    }
}

/// Appends reports to the report file of a directory. Errors are ignored, since the owner is dead.
pub(super) fn write(dir: &Dir, reports: &[String], keep: bool) {
    let Ok(mut file) = dir.append_or_create(REPORT.as_ref()) else {
        return;
    };
    // One write: other guards append to the same file, and with O_APPEND the kernel places each
    // write at the end as a whole (`write(2)`), so reports do not mix.
    let _ = file.write_all((reports.join("\n\n") + "\n\n").as_bytes());
    // No warden decides about the reports of a run, so they are marked at once: a test process that
    // cleans up may come at any moment.
    if keep {
        let _ = private::keep(&file);
    }
}

/// A log without its owner.
struct OrphanedLog {
    file: File,
    path: PathBuf,
}

impl Source for OrphanedLog {
    fn path(&self) -> &Path {
        &self.path
    }

    fn file(&self) -> &File {
        &self.file
    }

    /// The warden decides whether the log stays.
    fn name_it(&self) {}
}
