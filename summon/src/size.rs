//! Sizes as users write them.

use summon_syntax::size;

/// A number of bytes: a number, or a text such as `"64MB"` or `"64MiB"`.
///
/// Units: `B`, `kB` or `KB`, `MB`, and `GB` are powers of 1000. `KiB`, `MiB`, and `GiB` are powers of 1024.
/// If a text is not a size, the start fails.
///
/// ```
/// use summon::SimpleExecutor;
///
/// let one = SimpleExecutor::new("sleep 100").log_limit(64_000_000);
/// let same = SimpleExecutor::new("sleep 100").log_limit("64MB");
/// # let _ = (one, same);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Size(Result<u64, String>);

impl Size {
    pub(crate) fn get(&self) -> Result<u64, String> {
        self.0.clone()
    }
}

impl From<u64> for Size {
    fn from(bytes: u64) -> Size {
        Size(Ok(bytes))
    }
}

impl From<&str> for Size {
    fn from(text: &str) -> Size {
        Size(size::parse(text))
    }
}

impl From<String> for Size {
    fn from(text: String) -> Size {
        Size::from(text.as_str())
    }
}
