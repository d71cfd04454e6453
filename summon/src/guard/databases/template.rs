//! The life of the template.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::job::Recipe;
use super::message::User;
use super::types::Answer;

/// The pause between two looks whether the connections to the template have ended, which no server reports.
const PAUSE: Duration = Duration::from_millis(1);
/// How long a terminated connection may take to end.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) enum Template {
    /// No test has asked for a database, or the process that filled the template has ended too early.
    None,
    /// The server makes the empty database for this order.
    Creating {
        user: User,
        number: u64,
        name: String,
    },
    /// A user fills it.
    With {
        user: User,
        number: u64,
        name: String,
    },
    Closing(Closing),
    Ready(Arc<Recipe>),
    /// The template can't be made. Each request for a database gets this answer.
    Failed(Answer),
}

/// A template while its connections end.
#[derive(Debug)]
pub(super) struct Closing {
    pub(super) name: String,
    /// When to look again. `None` while a job runs.
    pub(super) next: Option<Instant>,
    pub(super) until: Instant,
}

impl Template {
    pub(super) fn closing(name: &str) -> Template {
        Template::Closing(Closing {
            name: name.to_owned(),
            next: None,
            until: Instant::now() + PATIENCE,
        })
    }

    /// Returns whether this user fills the template of this name.
    pub(super) fn is_with(&self, user: User, name: &str) -> bool {
        matches!(self, Template::With { user: of, name: it, .. } if (*of, it.as_str()) == (user, name))
    }

    /// Returns whether the template depends on this user.
    pub(super) fn of(&self, user: User) -> bool {
        self.order().is_some_and(|(of, _)| of == user)
    }

    /// Returns the order that the template depends on.
    pub(super) fn order(&self) -> Option<(User, u64)> {
        match self {
            Template::Creating { user, number, .. } | Template::With { user, number, .. } => {
                Some((*user, *number))
            }
            _ => None,
        }
    }

    pub(super) fn due(&self) -> Option<Instant> {
        match self {
            Template::Closing(closing) => closing.next,
            _ => None,
        }
    }
}

impl Closing {
    /// Begins a pause. Returns `false` if it has taken too long.
    pub(super) fn rest(&mut self) -> bool {
        let now = Instant::now();
        self.next = Some(now + PAUSE);
        now < self.until
    }
}
