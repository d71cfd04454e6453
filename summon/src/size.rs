//! Sizes as users write them.

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

const UNITS: [(&str, u64); 8] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("kB", 1000),
    ("KB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("B", 1),
];

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
        let unit = UNITS.iter().find(|(unit, _)| text.ends_with(unit));
        let (number, unit) = match unit {
            Some((unit, bytes)) => (&text[..text.len() - unit.len()], *bytes),
            None => (text, 1),
        };
        let number: Option<u64> = number.trim().parse().ok();
        let bytes = number.and_then(|number| number.checked_mul(unit));
        Size(bytes.ok_or_else(|| format!("`{text}` is not a size; write, for example, `64MB`")))
    }
}

impl From<String> for Size {
    fn from(text: String) -> Size {
        Size::from(text.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_a_size_or_says_why_not() {
        for (text, bytes) in [
            ("64MB", 64_000_000),
            ("1 KiB", 1024),
            ("7", 7),
            ("7B", 7),
            ("2GiB", 2 << 30),
        ] {
            assert_eq!(Size::from(text), Size::from(bytes), "{text}");
        }
        for text in ["", "MB", "-1MB", "1.5MB", "many", "99999999999GB"] {
            let error = Size::from(text).get().unwrap_err();
            assert!(
                error.contains(&format!("`{text}` is not a size")),
                "{error}"
            );
        }
    }
}
