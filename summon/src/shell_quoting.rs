//! Quotes values that summon puts into a command for a shell, so that the shell reads each value back
//! unchanged.

/// Tracks the quotes of a shell command up to the place where a value goes.
#[derive(Debug, Default)]
pub(crate) struct Quoting {
    /// The open quotes and parentheses, the innermost last.
    open: Vec<Open>,
    is_escaped: bool,
    last: Option<char>,
    in_comment: bool,
    /// The word that ends with `last`, as far as it has been read.
    word: String,
    /// Where this parser lost track: it does not look for the end of these constructs.
    lost: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Single,
    Double,
    /// `(`, which starts a new context for quotes.
    Parenthesis,
    /// A shell reads backslashes in backticks twice.
    Backtick,
}

impl Quoting {
    /// Reads a part of the command that the user wrote.
    pub(crate) fn read(&mut self, text: &str) {
        for c in text.chars() {
            self.read_one(c);
            self.last = Some(c);
        }
    }

    fn read_one(&mut self, c: char) {
        if std::mem::take(&mut self.is_escaped) {
            return;
        }
        if self.in_comment {
            self.in_comment = c != '\n';
            return;
        }
        if !matches!(self.open.last(), Some(Open::Single)) {
            self.read_word(c);
        }
        let is_word_start = self.last.is_none_or(|last| " \t\n;&|(".contains(last));
        match (self.open.last(), c) {
            (Some(Open::Single), '\'') | (Some(Open::Double), '"') => {
                self.open.pop();
            }
            (Some(Open::Single), _) => {}
            (_, '\\') => self.is_escaped = true,
            (Some(Open::Backtick), '`') => {
                self.open.pop();
            }
            (Some(Open::Backtick), _) => {}
            (_, '`') => self.open.push(Open::Backtick),
            (Some(Open::Double), '(') if self.last == Some('$') => {
                self.open.push(Open::Parenthesis);
            }
            (Some(Open::Double), _) => {}
            (_, '\'') => self.open.push(Open::Single),
            (_, '"') => self.open.push(Open::Double),
            (_, '(') => self.open.push(Open::Parenthesis),
            (Some(Open::Parenthesis), ')') => {
                self.open.pop();
            }
            (_, '<') if self.last == Some('<') => self.lost = Some("after a here-document"),
            (_, '#') if is_word_start => self.in_comment = true,
            _ => {}
        }
    }

    /// Notices `case` in parentheses: its patterns have a `)` that closes no parenthesis.
    fn read_word(&mut self, c: char) {
        if c.is_ascii_alphanumeric() || c == '_' {
            return self.word.push(c);
        }
        if self.word == "case" && self.open.contains(&Open::Parenthesis) {
            self.lost = Some("after `case` in parentheses");
        }
        self.word.clear();
    }

    /// Quotes a value for the current place. The error names a place where the shell would run parts
    /// of the value.
    pub(crate) fn quote(&mut self, value: &str) -> Result<String, &'static str> {
        let is_escaped = std::mem::take(&mut self.is_escaped);
        self.last = Some('x');
        self.word.push('x');
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./:@%+=,-".contains(c);
        if !value.is_empty() && value.chars().all(is_plain) {
            return Ok(value.to_owned());
        }
        if let Some(place) = self.lost {
            return Err(place);
        }
        if self.open.contains(&Open::Backtick) {
            return Err("in backticks");
        }
        if is_escaped {
            return Err("after a backslash");
        }
        Ok(match self.open.last() {
            Some(Open::Single) => value.replace('\'', r"'\''"),
            Some(Open::Double) => {
                let escape = |c: char| {
                    let escape = matches!(c, '"' | '\\' | '$' | '`').then_some('\\');
                    escape.into_iter().chain([c])
                };
                value.chars().flat_map(escape).collect()
            }
            _ => format!("'{}'", value.replace('\'', r"'\''")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_for_their_place() {
        let value = "a b'c\"$d`e\\f;g";
        for (before, after, quoted) in [
            ("echo ", "", r#"'a b'\''c"$d`e\f;g'"#),
            ("echo x", "/y", r#"'a b'\''c"$d`e\f;g'"#),
            ("echo \"", "/y\"", r#"a b'c\"\$d\`e\\f;g"#),
            ("echo '", "/y'", r#"a b'\''c"$d`e\f;g"#),
            ("echo \"$(cat ", ")\"", r#"'a b'\''c"$d`e\f;g'"#),
            ("echo \"$(cat x) ", "\"", r#"a b'c\"\$d\`e\\f;g"#),
            ("# don't\necho ", "", r#"'a b'\''c"$d`e\f;g'"#),
            (r#"echo \" \' 'it' "$x" "#, "", r#"'a b'\''c"$d`e\f;g'"#),
        ] {
            let mut quoting = Quoting::default();
            quoting.read(before);
            assert_eq!(quoting.quote(value).unwrap(), quoted, "{before}");
            assert_eq!(quoting.quote("/tmp/x-1.y:80").unwrap(), "/tmp/x-1.y:80");
            let _ = after;
        }
        assert_eq!(Quoting::default().quote("").unwrap(), "''");
    }

    #[test]
    fn a_value_is_refused_where_a_shell_would_run_parts_of_it() {
        for (before, place) in [
            ("echo `printf %s ", "in backticks"),
            ("echo \"`printf %s '", "in backticks"),
            ("cat <<EOF\n", "after a here-document"),
            ("cat <<'EOF'\nx\nEOF\necho ", "after a here-document"),
            (
                "echo \"$(case x in x) printf %s '",
                "after `case` in parentheses",
            ),
            ("echo \\", "after a backslash"),
        ] {
            let mut quoting = Quoting::default();
            quoting.read(before);
            assert_eq!(quoting.quote("a; ls"), Err(place), "{before}");
            assert_eq!(quoting.quote("8080").unwrap(), "8080");
        }
        for before in ["echo `date` ", "case x in x) echo ", "echo '`' ", "a # `\n"] {
            let mut quoting = Quoting::default();
            quoting.read(before);
            assert_eq!(quoting.quote("a; ls").unwrap(), "'a; ls'", "{before}");
        }
    }
}
