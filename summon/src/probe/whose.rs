//! The choice of listeners that make a service ready.

/// The listeners on the port that make a service ready: its `"own"` (the default), or `"any"`.
/// [`Coordinated::listener`](crate::Coordinated::listener) makes it from text.
///
/// ```
/// use summon::{TcpCoordinatedExecutor, probe::Whose};
///
/// TcpCoordinatedExecutor::new("docker run -p {port}:80 nginx", "localhost", 0).listener("any");
/// assert_eq!(Whose::default(), Whose::from("own"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whose(Result<bool, String>);

impl Whose {
    pub(crate) fn check(&self) -> Result<(), String> {
        self.0.clone().map(drop)
    }

    pub(crate) fn is_any(&self) -> bool {
        self.0 == Ok(true)
    }
}

impl Default for Whose {
    fn default() -> Whose {
        Whose(Ok(false))
    }
}

impl From<&str> for Whose {
    fn from(text: &str) -> Whose {
        Whose(match text {
            "own" => Ok(false),
            "any" => Ok(true),
            other => Err(format!("`listener` is \"own\" or \"any\", not {other:?}")),
        })
    }
}
