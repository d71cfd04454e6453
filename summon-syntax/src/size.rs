//! Sizes such as `64MB` or `1 KiB`.

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

/// Reads a size in bytes. The error quotes the text and shows how to write one.
pub fn parse(text: &str) -> Result<u64, String> {
    let unit = UNITS.iter().find(|(unit, _)| text.ends_with(unit));
    let (number, unit) = match unit {
        Some((unit, bytes)) => (&text[..text.len() - unit.len()], *bytes),
        None => (text, 1),
    };
    let number: Option<u64> = number.trim().parse().ok();
    let bytes = number.and_then(|number| number.checked_mul(unit));
    bytes.ok_or_else(|| format!("`{text}` is not a size; write, for example, `64MB`"))
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
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for text in ["", "MB", "-1MB", "1.5MB", "many", "99999999999GB"] {
            let error = parse(text).unwrap_err();
            assert!(
                error.contains(&format!("`{text}` is not a size")),
                "{error}"
            );
        }
    }
}
