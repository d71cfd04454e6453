//! The text of a foreign error with its causes.
//!
//! Many errors, such as those of `tokio-postgres`, don't have the server's words in their own text.

use std::error::Error;
use std::fmt::Display;

/// A foreign error. Its `text` is chosen by its type, which only the user's code knows: the first of the
/// traits below that fits, by references that rustc takes away one by one.
#[derive(Debug)]
#[doc(hidden)]
pub struct Foreign<'a, E>(pub &'a E);

/// The text of an error.
#[doc(hidden)]
pub trait OfError {
    /// Returns the text.
    fn text(&self) -> String;
}

impl<E: Error> OfError for &&Foreign<'_, E> {
    fn text(&self) -> String {
        with_causes(format!("{:#}", self.0), self.0.source())
    }
}

/// The text of an error in a box, which is itself no [`Error`].
#[doc(hidden)]
pub trait OfBox {
    /// Returns the text.
    fn text(&self) -> String;
}

impl<E: Error + ?Sized> OfBox for &Foreign<'_, Box<E>> {
    fn text(&self) -> String {
        with_causes(format!("{:#}", self.0), self.0.source())
    }
}

/// The text of any value. The alternate form of `anyhow` and `eyre` has the causes.
#[doc(hidden)]
pub trait OfDisplay {
    /// Returns the text.
    fn text(&self) -> String;
}

impl<E: Display> OfDisplay for Foreign<'_, E> {
    fn text(&self) -> String {
        format!("{:#}", self.0)
    }
}

/// Adds the causes that the text does not have yet.
fn with_causes(mut text: String, mut cause: Option<&(dyn Error + 'static)>) -> String {
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text += ": ";
            text += &words;
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    /// What the attributes expand to.
    macro_rules! text {
        ($error:expr) => {
            (&&&Foreign(&$error)).text()
        };
    }

    #[derive(Debug)]
    struct Step(&'static str, Option<Box<Step>>);

    impl Display for Step {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Step {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|it| it as _)
        }
    }

    fn step() -> Step {
        let server = Step("no such table", None);
        let client = Step("db error", Some(server.into()));
        Step("migration 7", Some(client.into()))
    }

    #[test]
    fn each_error_has_its_causes() {
        let all = "migration 7: db error: no such table";
        assert_eq!(text!(step()), all);
        let boxed: Box<dyn Error> = step().into();
        assert_eq!(text!(boxed), all);
        let boxed: Box<dyn Error + Send + Sync> = step().into();
        assert_eq!(text!(boxed), all);
    }

    #[test]
    fn a_cause_is_not_repeated() {
        let error = Step("db error: no such table", Some(step().into()));
        let all = "db error: no such table: migration 7";
        assert_eq!(text!(error), all);
        assert_eq!(text!("no error type"), "no error type");
    }
}
