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
}
