//! Splits commands into words, and finds words that only a shell understands, since summon runs no shell.

use std::borrow::Cow;

/// Splits a command into words as a POSIX shell does.
///
/// # Errors
///
/// If the text has an open quote, or ends in a backslash.
pub fn split(line: &str) -> Result<Vec<String>, String> {
    let split = |line: &str| shlex::split(line);
    split(line).ok_or_else(|| match line.strip_suffix('\\').and_then(split) {
        Some(_) => format!(
            "the command `{line}` ends in a backslash, which quotes nothing there; remove it, or \
             write two to pass one"
        ),
        None => format!(
            "the command `{line}` has a quote that is not closed; close it, or write a list of \
             words, such as `[\"echo\", \"it's\"]`, in which quotes are text"
        ),
    })
}

/// Quotes a word, if that is needed for [`split`] to read it back unchanged.
pub fn quote(word: &str) -> Cow<'_, str> {
    // A word with a NUL byte can't be quoted.
    shlex::try_quote(word).unwrap_or(Cow::Borrowed(word))
}

/// The words before a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// The first word is the program.
    Nothing,
    /// All words are arguments.
    Program,
}

/// Finds a word without quotes that only a shell understands: an operator such as `&&` or `> file`, a
/// program such as `true;false`, or a part of a substitution with several words.
fn operator(line: &str, before: Before) -> Option<&str> {
    let mut words = words(line).peekable();
    let mut is_program = before == Before::Nothing;
    while let Some(word) = words.next() {
        let is_program = std::mem::take(&mut is_program);
        // `a; b`, and `'a b'; c`
        let is_separator = word.ends_with(';') && !word.ends_with("\\;");
        if is_redirection(word) || (is_separator && words.peek().is_some()) {
            return Some(word);
        }
        if word.contains(QUOTES) {
            continue;
        }
        let is_list = is_program && word.contains(['|', '&', ';', '<', '>', '(', '`']);
        if is_list || is_operator(word) || is_torn(word) {
            return Some(word);
        }
    }
    None
}

/// Explains why summon refuses a command with a word that only a shell understands. Returns `None` if
/// the command has no such word.
pub fn refusal(line: &str, before: Before) -> Option<String> {
    let operator = operator(line, before)?;
    Some(format!(
        "summon runs no shell, so `{operator}` would be plain text; set `shell = true` for the main \
         command, write `sh -c '..'` for another one, or quote `{operator}` to keep the text"
    ))
}

/// Says what to write instead of a program name that only a shell understands, such as `cd` or
/// `NAME=value`.
pub fn instead(program: &str) -> Option<String> {
    if let Some((name, _)) = program.split_once('=').filter(|(name, _)| is_name(name)) {
        return Some(format!(
            "summon runs no shell: remove `{program}` from the command, and set the variable with \
             `env(\"{name}\", \"..\")`"
        ));
    }
    match program {
        "cd" => {
            Some("summon runs no shell: set `current_dir = \"..\"` in place of `cd`".to_owned())
        }
        "export" | "set" | "unset" | "source" | "." | "eval" | "exec" | "ulimit" | "umask"
        | "alias" | "if" | "for" | "while" | "until" | "trap" | "!" | "{" | "(" => Some(format!(
            "`{program}` is a command of the shell, and summon runs no shell: set `shell = true`"
        )),
        _ => expansion(program).map(not_expanded),
    }
}

/// Explains what a shell would have done with a command that failed: expand `~` or `$NAME`, or split a
/// word such as `a;b`. Many programs take words such as `$host` or `a;b` themselves, so such a word has a
/// hint only if the program complained about it, as `has_said` tells. The names of variables for a shell
/// are usually in capitals.
pub fn hint(line: &str, has_said: impl Fn(&str) -> bool) -> Option<String> {
    let outside_single = |word: &&str| !word.contains('\'');
    let is_cause = |text: &&str| !is_lower_variable(text) || has_said(text);
    let replaced = words(line).filter(outside_single).filter_map(expansion);
    let replaced = replaced.into_iter().find(is_cause);
    replaced.map(not_expanded).or_else(|| {
        let mut doubtful = words(line).filter(|word| is_doubtful(word));
        let word = doubtful.find(|word| has_said(word))?;
        Some(format!(
            "summon runs no shell, so `{word}` is one word of plain text: for a shell, set `shell = true`, \
             or write `sh -c '..'`"
        ))
    })
}

fn not_expanded(what: &str) -> String {
    format!(
        "summon runs no shell, so `{what}` is not expanded: set `shell = true`, or write the value"
    )
}

/// Finds what a shell would expand in a word without single quotes: `~`, `$HOME`, `$(..)`.
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

/// Whether a variable has no name in capitals: `$host` or `${host}`.
fn is_lower_variable(text: &str) -> bool {
    let name = text.trim_start_matches(['$', '{']).trim_end_matches('}');
    text.starts_with('$') && is_name(name) && name.contains(|c: char| c.is_ascii_lowercase())
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

const QUOTES: [char; 3] = ['"', '\'', '\\'];

fn is_operator(word: &str) -> bool {
    matches!(word, "&&" | "||" | "|" | "|&" | ";" | ";;" | "&")
}

/// Recognises `2> file`, `>"a file"`, `2>&1`, and `&> file`.
fn is_redirection(word: &str) -> bool {
    let behind = word.trim_start_matches(|c: char| c.is_ascii_digit());
    let behind = match behind.len() == word.len() {
        true => word.strip_prefix('&').unwrap_or(word),
        false => behind,
    };
    behind.starts_with(['>', '<'])
}

/// Whether a word is a part of a substitution with several words: `$(cat` of `$(cat file)`.
fn is_torn(word: &str) -> bool {
    let opened = word.find("$(").map(|at| &word[at..]);
    opened.is_some_and(|rest| !rest.contains(')')) || word.matches('`').count() % 2 == 1
}

/// Whether a shell would split or replace a word without quotes: `x;y`, `x&`, `x>y`, `*.txt`, `{a,b}`.
fn is_doubtful(word: &str) -> bool {
    let is_pair = |open: char, close: char, inside: &str| {
        let from = word.find(open).map(|at| &word[at + 1..]);
        let part = from.and_then(|from| from.split_once(close)).map(|it| it.0);
        part.is_some_and(|part| part.contains(inside))
    };
    // URLs and options may contain these characters.
    let is_text = word.contains("://") || (word.starts_with('-') && word.contains('='));
    !is_text
        && !word.contains(QUOTES)
        && (word.contains([';', '|', '<', '>', '*', '?', '`'])
            || word.contains("&&")
            || word.ends_with('&')
            || is_pair('[', ']', "")
            || is_pair('{', '}', ",")
            || is_pair('{', '}', ".."))
}

/// Lists the words of a line as written, without comments.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let mut found = Vec::new();
    let mut start = None;
    let mut quote = None;
    let mut is_escaped = false;
    for (at, c) in line.char_indices().chain([(line.len(), ' ')]) {
        let is_end = quote.is_none() && !is_escaped && matches!(c, ' ' | '\t' | '\n');
        match start {
            Some(begin) if is_end || at == line.len() => {
                found.push(&line[begin..at]);
                start = None;
            }
            None if is_end => {}
            // A comment ends with its line.
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
            ("a 'b c'; d", "'b c';"),
            ("a \"b\"; d", "\"b\";"),
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
            ("a >\"b c\"", ">\"b c\""),
            ("a;b", "a;b"),
            ("a;", "a;"),
            ("a&", "a&"),
            ("a|b c", "a|b"),
            ("a&&b c", "a&&b"),
            ("a>b", "a>b"),
            ("(cd a; b)", "(cd"),
            ("`which a` b", "`which"),
            ("`a` b", "`a`"),
            ("kill $(cat pid)", "$(cat"),
            ("kill `cat pid`", "`cat"),
            ("kill -9 `cat pid` b", "`cat"),
        ] {
            assert_eq!(operator(line, Before::Nothing), Some(wanted), "{line}");
        }
        for line in [
            "sh -c 'a && b > c'",
            "grep '|' \">\" \\; \\&\\&",
            "find . -exec true {} \\;",
            "find . -exec true {} \\; -print",
            "a 'b;' \"c;\" d",
            "get http://localhost/?a=1&b=2",
            "nginx -g 'daemon off;'",
            "psql -c end;",
            "a -> b",
            "a x>y 5 & \"b",
            "a # && b",
            "a '' \"\" &b",
            "grep a|b",
            "curl http://h/?a=1&b=2&",
            "a --filter=x;y --to=p>q {\"x\":1} %s;\\n",
            "a (x|y)$ *.txt {b,c} $(d) ${HOME} `e` f&",
            "'a;b' c",
            "./a\\;b \"c; d\"",
            "{dir}/a --port={port}",
        ] {
            let found = operator(line, Before::Nothing).filter(|found| *found != "&");
            assert_eq!(found, None, "{line}");
        }
        // The program comes before these arguments.
        assert_eq!(operator("a|b c&d", Before::Program), None);
        assert_eq!(operator("a && c", Before::Program), Some("&&"));
    }

    #[test]
    fn words_for_a_shell_have_a_hint() {
        let has = |text: Option<String>, part: &str| {
            assert!(
                text.as_ref().is_some_and(|it| it.contains(part)),
                "{text:?}"
            );
        };
        has(instead("cd"), "current_dir");
        has(instead("A_1=b=c"), "env(\"A_1\", \"..\")");
        has(instead("~/bin/x"), "`~` is not expanded");
        has(instead("$HOME/bin/x"), "`$HOME` is not expanded");
        has(instead("export"), "shell = true");
        assert_eq!(instead("redis-server"), None);
        assert_eq!(instead("./a=b"), None);
        let hint = |line| hint(line, |_| false);
        has(hint("postgres -D ~/data"), "`~`");
        has(hint("postgres -D \"${PG}/data\""), "`${PG}`");
        has(hint("echo $(pwd)/x"), "`$(pwd)`");
        has(hint("nginx -g \"log $host;\" -p $PREFIX"), "`$PREFIX`");
        for line in [
            "echo 'a $HOME'",
            "price 5$",
            "grep ^a$ b~c",
            "x $1",
            "${",
            "$ä",
            "nginx -g \"set $host ${scheme};\"",
        ] {
            assert_eq!(hint(line), None, "{line}");
        }
    }

    #[test]
    fn words_that_a_program_complains_of_have_a_hint() {
        let said = hint("a --port $port", |it| it == "$port");
        assert!(said.is_some_and(|said| said.contains("`$port` is not expanded")));
        for word in [
            "b;", "b&", "b;c", "b|c", "b&&c", "b>c", "*.txt", "b?", "b[0-9]", "{b,c}", "{1..3}",
            "`b`",
        ] {
            let line = format!("a x {word} y");
            let said = hint(&line, |it| it == word);
            let wanted = format!("so `{word}` is one word of plain text");
            assert!(said.is_some_and(|said| said.contains(&wanted)), "{word}");
            assert_eq!(hint(&line, |_| false), None, "{word}");
            assert_eq!(hint(&format!("a '{word}' \"{word}\""), |_| true), None);
        }
        assert_eq!(
            hint("a --b=c;d http://e/f?g&& {port} - x.y", |_| true),
            None
        );
    }
}
