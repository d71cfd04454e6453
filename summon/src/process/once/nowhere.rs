//! Commands that run once for many starts. Not supported.

use std::time::Instant;

use crate::error::Error;
use crate::process::life::Starting;
use crate::process::parts::Parts;

impl Parts {
    pub(in crate::process) fn run_before_once(
        &self,
        _: &Starting<'_>,
        _: Instant,
    ) -> Result<(), Error> {
        self.check_system()
    }
}
