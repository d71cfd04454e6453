//! The reports about a process. Each begins with the same facts: where the process is declared, and what runs.

mod buffered;
mod early_end;
mod failed_test;
mod hints;
pub(super) mod invocation;
pub(super) mod not_launched;
mod not_ready;

use std::fmt;
use std::time::Duration;

use self::invocation::Invocation;
use crate::error::Error;
use crate::image::Engine;
use crate::process::declaration::Declaration;
use crate::process::launched::Launched;
use crate::process::parts::Parts;

impl Declaration {
    /// Returns an error about this process, with the facts that are known before it runs.
    pub(in crate::process) fn error(&self, headline: impl Into<String>) -> Error {
        let error = self.report(headline);
        let command = self.spec.command.to_string();
        match (self.has_image(), command.trim()) {
            (true, "") => self.image_facts(error),
            (true, arguments) => self.image_facts(error.fact("arguments", arguments)),
            (false, _) => error.fact("command", command),
        }
    }

    /// Begins a report.
    fn report(&self, headline: impl Into<String>) -> Error {
        Error::new(headline).fact("declared", self.spec.declared.to_string())
    }

    /// Adds the image, and the engine that runs it.
    fn image_facts(&self, error: Error) -> Error {
        let Some(image) = &self.spec.container.image else {
            return error;
        };
        // Another image may have the name by now.
        let id = self
            .image
            .get()
            .map(|found| found.digest.as_deref().unwrap_or(&found.id));
        let id = id.filter(|id| !image.contains(*id));
        let error = error.fact(
            "image",
            id.map_or(image.clone(), |id| format!("{image} ({id})")),
        );
        match Engine::find() {
            Ok(engine) => error.fact("engine", engine.to_string()),
            Err(_) => error,
        }
    }

    /// Returns an error for a process that can't be started as declared.
    pub(in crate::process) fn bad(&self, why: impl fmt::Display) -> Error {
        self.error(format!("{} could not be started: {why}", self.name()))
    }

    /// Like `error`, with the facts of the launch.
    pub(in crate::process) fn error_as_launched(
        &self,
        headline: impl Into<String>,
        invocation: &Invocation,
    ) -> Error {
        let error = self.report(headline);
        self.image_facts(invocation.add_to(error))
    }
}

impl Parts {
    /// Returns an error about a launch, with the last lines of its output.
    pub(in crate::process) fn error_with_output(
        &self,
        headline: String,
        launched: &Launched,
    ) -> Error {
        let invocation = &launched.invocation;
        launched.with_output(self.declaration.error_as_launched(headline, invocation))
    }

    pub(in crate::process) fn cancelled(&self) -> Error {
        let name = self.name();
        self.declaration
            .error(format!("{name} was stopped before it became ready"))
    }
}

/// Returns a time as reports show it, such as `0.2 s`.
pub(super) fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
