//! Commands that run once for many starts. Not supported.

use std::time::Instant;

use crate::error::Error;
use crate::process::Process;

impl Process {
    pub(in crate::process) fn run_before_once(&self, _: Instant) -> Result<(), Error> {
        self.check_system()
    }
}
