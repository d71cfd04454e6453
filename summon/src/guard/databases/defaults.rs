//! The template that the server itself copies for a new database. If others create the tests' databases, as
//! `#[sqlx::test]` does, summon replaces it by a clone.

use super::message::User;
use super::types::Answer;

#[derive(Debug, Default)]
pub(super) struct Defaults {
    stage: Stage,
    /// The orders that wait for it.
    waiters: Vec<(User, u64)>,
}

#[derive(Debug, Default, PartialEq)]
enum Stage {
    /// The server's own template.
    #[default]
    Original,
    Replacing,
    /// It is a clone.
    Replaced,
}

impl Defaults {
    pub(super) fn wait(&mut self, user: User, number: u64) {
        self.waiters.push((user, number));
    }

    pub(super) fn first(&self) -> Option<(User, u64)> {
        self.waiters.first().copied()
    }

    pub(super) fn waiters(&self) -> &[(User, u64)] {
        &self.waiters
    }

    pub(super) fn cancel(&mut self, user: User, number: u64) {
        self.waiters.retain(|it| *it != (user, number));
    }

    pub(super) fn wants_clone(&self) -> bool {
        self.stage == Stage::Original && !self.waiters.is_empty()
    }

    /// A clone takes its place.
    pub(super) fn begin(&mut self) {
        self.stage = Stage::Replacing;
    }

    /// Takes the result. The next order tries again after an error.
    pub(super) fn end(&mut self, has_succeeded: bool) {
        self.stage = match has_succeeded {
            true => Stage::Replaced,
            false => Stage::Original,
        };
    }

    /// Answers all orders that wait.
    pub(super) fn answer(&mut self, answer: &Answer) -> Vec<(User, u64, Answer)> {
        let waiters = self.waiters.drain(..);
        waiters
            .map(|(user, number)| (user, number, answer.clone()))
            .collect()
    }

    pub(super) fn answer_if_replaced(&mut self) -> Vec<(User, u64, Answer)> {
        match self.stage {
            Stage::Replaced => self.answer(&Answer::Shared),
            Stage::Original | Stage::Replacing => Vec::new(),
        }
    }

    pub(super) fn forget(&mut self, gone: User) {
        self.waiters.retain(|(user, _)| *user != gone);
    }

    pub(super) fn is_idle(&self) -> bool {
        self.waiters.is_empty() && self.stage != Stage::Replacing
    }
}
