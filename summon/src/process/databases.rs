//! Databases of a process, which its guard makes.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Process;
use super::launched::Launched;
use crate::error::Error;
use crate::guard::{Answer, Server};
use crate::progress::Progress;
use crate::trace::test_name;

/// The time-out for a database. The first one waits for the template function.
const LIMIT: Duration = Duration::from_secs(10 * 60);

/// A claim on a database. Dropping it gives the database up.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) name: String,
    launched: Arc<Launched>,
    has_failed: bool,
}

impl Process {
    /// Returns another handle on this process.
    pub(crate) fn handle(&self) -> Process {
        Process {
            parts: Arc::clone(&self.parts),
        }
    }

    /// Gets a database for the test on this thread, as `user`. `fill` fills the template if this is
    /// the first database.
    pub(crate) fn claim_database(
        &self,
        user: &str,
        fill: impl Fn(&str) -> Result<(), Error>,
    ) -> Result<Claim, Error> {
        let Some(launched) = self.parts.life.launched() else {
            let why = "summon makes databases on a server that it has started";
            let error = self.parts.declaration.error(format!(
                "{} has no database for this test: {why}",
                self.name()
            ));
            return Err(error.fact("hint", "call `start` first, without `reuse`"));
        };
        let test = test_name();
        let failed = |why: &dyn std::fmt::Display| {
            self.explain(
                format!("{} has no database for {test}: {why}", self.name()),
                None,
            )
        };
        let server = Server {
            addr: self.addr(),
            user: user.to_owned(),
        };
        let guarded = &launched.guarded;
        let lost = |error: io::Error| match guarded.is_ours() {
            true => failed(&"the server has ended"),
            false => failed(&error),
        };
        let wanted = guarded.want_database(test.clone(), server);
        let number = wanted.map_err(lost)?;
        let began = Instant::now();
        let mut progress = Progress::new(began);
        loop {
            let until = progress.due().min(began + LIMIT);
            let answer = guarded.wait_for_database(number, until);
            match answer.map_err(lost)? {
                Some(Answer::Database(name)) => {
                    let launched = Arc::clone(&launched);
                    let has_failed = false;
                    return Ok(Claim {
                        name,
                        launched,
                        has_failed,
                    });
                }
                Some(Answer::Fill(name)) => {
                    let failure = fill(&name).err().map(|error| error.to_string());
                    guarded.fill_template(name, failure).map_err(lost)?;
                }
                Some(Answer::Failed(report)) => return Err(Error::new(report)),
                Some(Answer::Refused(why)) => return Err(failed(&why)),
                None if began.elapsed() >= LIMIT => {
                    return Err(failed(&"it takes too long").timeout());
                }
                None => progress.say(&format!("waiting for a database of {}", self.name())),
            }
        }
    }
}

impl Claim {
    /// Notes that the test has failed: its database stays.
    pub(crate) fn fail(&mut self) {
        self.has_failed = true;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let name = std::mem::take(&mut self.name);
        self.launched
            .guarded
            .give_up_database(name, self.has_failed);
    }
}
