//! Commands that a test runs beside a process.

use std::time::Instant;

use super::Process;
use super::report::not_launched::refused;
use crate::command::Command;
use crate::error::{Error, shown_command};
use crate::guard::{Helper, HelperError};
use crate::sys::signal::how_it_ended;
use crate::sys::status::from_raw;
use crate::sys::wait;

impl Process {
    /// Runs a command to its end, and returns what it wrote to its standard output: the last 16 KiB. In
    /// the container of an [`image`](crate::Coordinated::image) it is a program of the image. Otherwise
    /// it is a program of this machine, with the environment, the directory, and the user of the
    /// process. summon fills in its placeholders. Its limit is the [`timeout`](crate::Coordinated::timeout)
    /// of the process.
    ///
    /// ```
    /// let server = summon::SimpleExecutor::new("sleep 100").env("COLOUR", "green");
    /// server.start()?;
    /// assert_eq!(server.exec(["sh", "-c", "echo $COLOUR"])?, b"green\n");
    /// assert!(server.exec("false").is_err());
    /// # Ok::<(), summon::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the process does not run, the command can't be run, does not end in time, or exits with a code
    /// other than 0. The error has the end of its output.
    pub fn exec(&self, command: impl Into<Command>) -> Result<Vec<u8>, Error> {
        let (parts, declaration) = (&self.parts, &self.parts.declaration);
        let name = self.name();
        if !self.is_running() {
            return Err(declaration.error(format!("{name} can't run a command: it is not running")));
        }
        let program = parts.helper(&command.into())?;
        let shown = shown_command(program.argv.iter().map(|word| &**word));
        let no = |why: &str| declaration.error(format!("`{shown}` for {name} {why}"));
        let limit = declaration.limit(&declaration.spec.timeout)?;
        let hired = Helper::hire(&program, Instant::now() + limit);
        let helper = hired.map_err(|error| no(&format!("can't be run: {error}")))?;
        let ran = helper.run_apart(limit, |answer| {
            // The guard ends the command at the limit, and answers.
            wait::sleep(&[answer], None)?;
            Ok(true)
        });
        match ran {
            Ok(ran) => match ran.status.map(from_raw) {
                Some(status) if status.success() => Ok(ran.output),
                Some(status) => {
                    let said = [ran.output, ran.errors].concat();
                    let error = no(&how_it_ended(status)).said(&said);
                    Err(error.exit(Some(status)))
                }
                None => Err(no(&format!("did not end within {limit:?}")).timeout()),
            },
            Err(HelperError::Refused(step, error)) => {
                let (why, hint) = refused(&program, step, error);
                Err(no(&format!("can't be run: {why}")).hints(hint))
            }
            Err(HelperError::GivenUp) => Err(no("was not awaited")),
            Err(HelperError::Broken(error)) => Err(no(&format!("can't be run: {error}"))),
        }
    }
}
