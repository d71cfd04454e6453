//! What a shell would do with a command, and summon does not, as no shell runs. The macros read
//! literals with this very file.

/// Finds what a shell would obey in a command line: an operator such as `&&` or `> file`, as a word
/// without quotes. For summon that is an argument like any other.
fn operator(line: &str) -> Option<&str> {
    let words: Vec<&str> = bare_words(line).collect();
    let last = words.last().map(|word| word.as_ptr());
    words.into_iter().find(|word| {
        // `a; b`
        let ends_command = word.ends_with(';') && last != Some(word.as_ptr());
        ends_command || is_operator(word)
    })
}

/// What is wrong with a command that has such an operator.
pub(crate) fn refusal(line: &str) -> Option<String> {
    let operator = operator(line)?;
    Some(format!(
        "`{operator}` is for a shell, and no shell runs, so it would be an argument: write `sh -c \
         '..'`, or `shell = true` beside a program's own command; quote it if it is meant as text"
    ))
}

/// What to do in place of a word that a shell would have understood as the program.
pub(crate) fn instead(program: &str) -> Option<String> {
    if let Some((name, value)) = program.split_once('=').filter(|(name, _)| is_name(name)) {
        return Some(format!(
            "no shell runs; to set a variable say `env(\"{name}\", \"{value}\")`, and leave it \
             out of the command"
        ));
    }
    match program {
        "cd" => Some("no shell runs; say `current_dir = \"..\"` in place of `cd`".to_owned()),
        "export" | "set" | "unset" | "source" | "." | "eval" | "exec" | "ulimit" | "umask"
        | "alias" | "if" | "for" | "while" | "until" | "trap" | "!" | "{" | "(" => Some(format!(
            "`{program}` is a word of the shell, and no shell runs: say `shell = true`"
        )),
        _ => expansion(program).map(not_expanded),
    }
}

/// The hint for a command of which a shell would have replaced a part.
pub(crate) fn hint(line: &str) -> Option<String> {
    words(line).find_map(expansion).map(not_expanded)
}

fn not_expanded(what: &str) -> String {
    format!("no shell runs, so `{what}` stays as it is: say `shell = true`, or write the value")
}

/// What a shell would replace in a word that is not in single quotes: `~`, `$HOME`, `$(..)`.
fn expansion(word: &str) -> Option<&str> {
    if word == "~" || word.starts_with("~/") {
        return Some("~");
    }
    let at = word.find('$')?;
    let rest = &word[at + 1..];
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if let Some(inside) = rest.strip_prefix(['{', '(']) {
        let close = if rest.starts_with('{') { '}' } else { ')' };
        let length = inside.find(close)? + 3;
        return Some(&word[at..at + length]);
    }
    let begins = rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
    begins.then(|| &word[at..=at + length])
}

/// Where in a command for a shell something is put in.
#[derive(Debug, Default)]
pub(crate) struct Quoting {
    /// What is open, the innermost last.
    open: Vec<Open>,
    is_escaped: bool,
    last: Option<char>,
    in_comment: bool,
    /// The letters before `last`, and with it, if they are a word so far.
    word: String,
    /// What was opened whose end is not looked for.
    lost: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Single,
    Double,
    /// `(`, in which quotes begin anew.
    Parenthesis,
    /// In which a shell reads backslashes twice.
    Backtick,
}

impl Quoting {
    /// Reads what the user wrote.
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

    /// In parentheses the patterns of `case` have a `)` that closes nothing.
    fn read_word(&mut self, c: char) {
        if c.is_ascii_alphanumeric() || c == '_' {
            return self.word.push(c);
        }
        if self.word == "case" && self.open.contains(&Open::Parenthesis) {
            self.lost = Some("after `case` in parentheses");
        }
        self.word.clear();
    }

    /// A value as the shell has to read it here to get the same value, or where it stands if a shell
    /// would run parts of it there.
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

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn is_operator(word: &str) -> bool {
    match word {
        "&&" | "||" | "|" | "|&" | ";" | ";;" | "&" => true,
        _ => {
            // `2> file`, `>file`, `2>&1`, `&> file`
            let redirection = word.trim_start_matches(|c: char| c.is_ascii_digit());
            let redirection = match redirection.len() == word.len() {
                true => word.strip_prefix('&').unwrap_or(word),
                false => redirection,
            };
            redirection.starts_with(['>', '<'])
        }
    }
}

/// The words that have neither quotes nor backslashes.
fn bare_words(line: &str) -> impl Iterator<Item = &str> {
    words(line).filter(|word| !word.contains(['"', '\'', '\\']))
}

/// The words of a line, as they were written, without comments, and without those in single quotes.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let mut found = Vec::new();
    let mut start = None;
    let mut has_single = false;
    let mut quote = None;
    let mut is_escaped = false;
    for (at, c) in line.char_indices().chain([(line.len(), ' ')]) {
        let is_end = quote.is_none() && !is_escaped && matches!(c, ' ' | '\t' | '\n');
        match start {
            Some(begin) if is_end || at == line.len() => {
                if !has_single {
                    found.push(&line[begin..at]);
                }
                (start, has_single) = (None, false);
            }
            None if is_end => {}
            // A comment goes to the end of its line.
            None if c == '#' && quote.is_none() => break,
            None => start = Some(at),
            Some(_) => {}
        }
        match (quote, c) {
            _ if is_escaped => is_escaped = false,
            (None | Some('"'), '\\') => is_escaped = true,
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            _ => {}
        }
        has_single |= quote == Some('\'');
    }
    found.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_are_words_without_quotes() {
        for (line, wanted) in [
            ("mkdir a && touch b", "&&"),
            ("a || b", "||"),
            ("a | b", "|"),
            ("a ; b", ";"),
            ("a; b", "a;"),
            ("a > b", ">"),
            ("a >> b", ">>"),
            ("a < b", "<"),
            ("a <<EOF", "<<EOF"),
            ("a &", "&"),
            ("a 2> b", "2>"),
            ("a 2>/dev/null", "2>/dev/null"),
            ("a 2>&1 b", "2>&1"),
            ("a &> b", "&>"),
            ("a 'b' \"c d\" e\\ f\n&& g", "&&"),
        ] {
            assert_eq!(operator(line), Some(wanted), "{line}");
        }
        for line in [
            "sh -c 'a && b > c'",
            "grep '|' \">\" \\; \\&\\&",
            "find . -exec true {} \\;",
            "get http://localhost/?a=1&b=2",
            "nginx -g 'daemon off;'",
            "psql -c end;",
            "a -> b",
            "a x>y 5 & \"b",
            "a # && b",
            "a '' \"\" &b",
        ] {
            let found = operator(line).filter(|found| *found != "&");
            assert_eq!(found, None, "{line}");
        }
    }

    #[test]
    fn a_value_is_quoted_for_its_place() {
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
    fn words_of_a_shell_have_a_hint() {
        let has = |text: Option<String>, part: &str| {
            assert!(
                text.as_ref().is_some_and(|it| it.contains(part)),
                "{text:?}"
            );
        };
        has(instead("cd"), "current_dir");
        has(instead("A_1=b=c"), "env(\"A_1\", \"b=c\")");
        has(instead("~/bin/x"), "`~` stays as it is");
        has(instead("$HOME/bin/x"), "`$HOME` stays as it is");
        has(instead("export"), "shell = true");
        assert_eq!(instead("redis-server"), None);
        assert_eq!(instead("./a=b"), None);
        has(hint("postgres -D ~/data"), "`~`");
        has(hint("postgres -D \"${PG}/data\""), "`${PG}`");
        has(hint("echo $(pwd)/x"), "`$(pwd)`");
        for line in [
            "echo 'a $HOME'",
            "price 5$",
            "grep ^a$ b~c",
            "x $1",
            "${",
            "$ä",
        ] {
            assert_eq!(hint(line), None, "{line}");
        }
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
