//! What is wrong with values, as far as they are literals: any other expression is left to run
//! time, which knows the same rules. Errors stand under the literal and say what to write instead.

mod circle;
mod pattern;
mod possible;
mod set;

use syn::{Expr, LitStr};

use crate::args::Arg;
use crate::errors::Errors;
use crate::item::Parameter;
use crate::kind::Kind;
use crate::literal;
use crate::model::Summoned;
use crate::program::Program;
use crate::shell::{self, Before};
use crate::url::Url;
use set::Set;

/// The options that may be given more than once, since each adds to those before it.
const ADDING: [&str; 13] = [
    "arg",
    "args",
    "env",
    "envs",
    "env_remove",
    "header",
    "after",
    "with_file",
    "with_dir",
    "before",
    "after_stop",
    "and",
    "unless",
];

/// The options that take a length of time.
const DURATIONS: [&str; 3] = ["timeout", "stop_timeout", "turn_timeout"];

/// The options that take a command of their own, which no shell runs.
const COMMANDS: [&str; 3] = ["before", "after_stop", "stop_command"];

/// Of an option that is given twice the last would win, and nobody would notice.
pub(crate) fn twice(args: &[Arg], kind: Kind, errors: &mut Errors) {
    if kind == Kind::Executor {
        // What its methods do is its own affair.
        return;
    }
    let option = |arg: &Arg| match arg.key.to_string() {
        key if key == "name" => "named".to_owned(),
        key => key,
    };
    for (index, arg) in args.iter().enumerate() {
        let (key, name) = (&arg.key, option(arg));
        let before = args[..index].iter().find(|before| option(before) == name);
        let Some(before) = before.filter(|_| !ADDING.contains(&name.as_str())) else {
            continue;
        };
        errors.at(
            key.span(),
            match before.key == *key {
                true => format!("`{key}` is given twice; leave one out"),
                false => format!("`{key}` means the same as `{}`; leave one out", before.key),
            },
        );
    }
}

/// What is wrong with the values of one attribute, whatever stands beside it.
pub(crate) fn alone(summoned: &Summoned, errors: &mut Errors) {
    if !summoned.kind.is_command() {
        return;
    }
    match &summoned.program {
        None => {
            let shell = is_for_shell(summoned);
            command(&summoned.main, Before::Nothing, shell, errors);
        }
        Some(program) => arguments(program, summoned, errors),
    }
    if let Some(probe) = summoned.part("probe") {
        command(probe, Before::Nothing, Some(false), errors);
    }
    if let Some(banner) = summoned.part("banner").and_then(literal::text) {
        regex(banner, "the banner", errors);
    }
    if let Some(value) = summoned.part("port") {
        port(value, errors);
    }
    if summoned.kind == Kind::Http {
        url(summoned, errors);
    }
    for Arg { key, values } in &summoned.calls {
        let is_of = |keys: &[&str]| keys.iter().any(|it| key == it);
        match values.first() {
            Some(value) if is_of(&COMMANDS) => command(value, Before::Nothing, Some(false), errors),
            Some(value) => match literal::text(value) {
                Some(text) if is_of(&DURATIONS) => duration(text, errors),
                Some(text) if key == "unless" => regex(text, "`unless`", errors),
                Some(text) if key == "body_matches" => pattern(text, "`body_matches`", errors),
                _ => {}
            },
            None => {}
        }
    }
}

/// What is wrong with the attributes of one function as a set.
pub(crate) fn together(
    summoned: &[Option<Summoned>],
    parameters: &[Parameter],
    errors: &mut Errors,
) {
    let set = Set::new(summoned, parameters);
    set.check_names(errors);
    set.check_places(errors);
    circle::check(&set, errors);
}

/// What is wrong with the placeholders of a fixture; those of others are looked up by rustc.
pub(crate) fn fixture(summoned: &Summoned, errors: &mut Errors) {
    Set::of_fixture(summoned).check_places(errors);
}

/// Whether a shell gets the command, if that is known.
fn is_for_shell(summoned: &Summoned) -> Option<bool> {
    match summoned.calls("shell").last() {
        Some(arg) => literal::is_true(arg.values.first()?),
        None => Some(false),
    }
}

fn command(value: &Expr, before: Before, shell: Option<bool>, errors: &mut Errors) {
    const EMPTY: &str = "the command is empty; it begins with the program's name or path";
    if let Some(words) = literal::list(value) {
        let program = words.first().map(|word| literal::text(word));
        let is_empty = program.is_none_or(|it| it.is_some_and(|it| it.value().is_empty()));
        if shell == Some(true) {
            let message = "a shell takes one text, not a list of words; write one, or leave out \
                           `shell`";
            errors.under(value, message);
        } else if is_empty {
            errors.under(value, EMPTY);
        }
        return;
    }
    let Some(text) = literal::text(value) else {
        return;
    };
    let line = text.value();
    // For a shell it is its own language.
    if shell != Some(false) {
        if line.trim().is_empty() {
            errors.under(text, EMPTY);
        }
        return;
    }
    match shlex::split(&line) {
        Some(words) if words.first().is_some_and(|program| !program.is_empty()) => {
            if let Some(why) = shell::refusal(&line, before) {
                errors.under(text, why);
            }
        }
        Some(_) => errors.under(text, EMPTY),
        None => {
            let before = line.strip_suffix('\\').and_then(shlex::split);
            errors.under(
                text,
                match before {
                    Some(_) => {
                        "the command ends in a backslash, which stands before a character that \
                         is meant as text; leave it out, or write two"
                    }
                    None => {
                        "the command has a quote that is not closed; close it, or write the words \
                         as a list, `[\"prog\", \"it's\"]`, in which quotes are text"
                    }
                },
            );
        }
    }
}

/// The arguments of a program that has a key of its own: there may be none.
fn arguments(program: &Program, summoned: &Summoned, errors: &mut Errors) {
    if is_for_shell(summoned) != Some(false) {
        let message = "no shell runs a program of the package: leave out `shell`";
        errors.under(&program.name, message);
    }
    let text = literal::text(&summoned.main);
    if let Some(text) = text.filter(|text| !text.value().trim().is_empty()) {
        command(&summoned.main, Before::Program, Some(false), errors);
        let _ = text;
    }
}

fn regex(text: &LitStr, what: &str, errors: &mut Errors) {
    let why = match pattern::read(&text.value()) {
        Ok(pattern) if pattern.matches_empty_line => format!(
            "{what} matches the empty line, so it would not wait for anything; name something \
             that the line must contain"
        ),
        Ok(pattern) => match pattern.never {
            Some(never) => format!("{what} {never}"),
            None => return,
        },
        Err(why) => format!("{what} is no regular expression: {why}"),
    };
    mistake(text, why, errors);
}

/// A regular expression for a text of several lines.
fn pattern(text: &LitStr, what: &str, errors: &mut Errors) {
    if let Err(why) = pattern::read(&text.value()) {
        mistake(
            text,
            format!("{what} is no regular expression: {why}"),
            errors,
        );
    }
}

fn mistake(text: &LitStr, why: String, errors: &mut Errors) {
    // As it is to be typed.
    let is_raw = text.token().to_string().starts_with('r');
    let why = if is_raw {
        why
    } else {
        why.replace('\\', r"\\")
    };
    errors.under(text, why);
}

fn port(value: &Expr, errors: &mut Errors) {
    let Some((is_negative, number)) = literal::integer(value) else {
        return;
    };
    let minus = if is_negative { "-" } else { "" };
    match number.base10_parse::<u16>() {
        Ok(0) => errors.under(
            value,
            "0 is no port; leave out `port`, and `{port}` is a free one",
        ),
        Ok(_) if !is_negative => {}
        _ => errors.under(
            value,
            format!(
                "{minus}{} is no port: it is a number from 1 to 65535; without `port`, `{{port}}` \
                 is a free one",
                number.base10_digits()
            ),
        ),
    }
}

/// The URL, or the parts that make one.
fn url(summoned: &Summoned, errors: &mut Errors) {
    let text = |name| summoned.part(name).and_then(literal::text);
    let mut check = |text: &LitStr, url: &str| {
        if let Err(why) = Url::parse(url) {
            errors.under(text, why);
        }
    };
    if let Some(url) = text("url") {
        check(url, &url.value());
    }
    if let Some(host) = text("host") {
        check(host, &format!("http://{}:{{port}}/", host.value()));
    }
    if let Some(path) = text("path") {
        let value = path.value();
        let value = value.strip_prefix('/').unwrap_or(&value);
        check(path, &format!("http://localhost:{{port}}/{value}"));
    }
}

fn duration(text: &LitStr, errors: &mut Errors) {
    if let Err(why) = crate::duration::parse(&text.value()) {
        errors.under(text, why);
    }
}
