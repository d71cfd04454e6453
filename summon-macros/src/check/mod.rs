//! Checks of literals. The runtime checks all other values by the same rules. An error underlines the
//! literal, and says what to write instead.

mod circle;
mod image;
mod set;
mod texts;
mod values;

use std::borrow::Cow;

use quote::quote;
use summon_syntax::shell::{self, Before};
use summon_syntax::url::Url;
use summon_syntax::{duration, nodes, pattern};
use syn::{Expr, Lit, LitStr, PatType};

use crate::checked_options::{self, Takes};
use crate::errors::Errors;
use crate::kind::Kind;
use crate::literal;
use crate::program::Program;
use crate::summoned::Summoned;
use set::Set;

/// Checks the values of one attribute.
pub(crate) fn attribute(summoned: &Summoned, errors: &mut Errors) {
    if !summoned.kind.is_command() {
        return;
    }
    let is_image = image::check(summoned, errors);
    match &summoned.program {
        None if is_image => without_program(&summoned.main, errors),
        None => command(
            &summoned.main,
            Before::Nothing,
            is_for_shell(summoned),
            errors,
        ),
        Some(program) => arguments(program, summoned, errors),
    }
    if let Some(probe) = summoned.part("probe") {
        command(probe, Before::Nothing, Some(false), errors);
    }
    if let Some(banner) = summoned.part("banner").and_then(literal::text) {
        line_regex(banner, "the banner", errors);
    }
    if let Some(value) = summoned.part("port") {
        port(value, errors);
    }
    if summoned.kind == Kind::Http {
        url(summoned, errors);
    }
    link(summoned, errors);
    for (name, value) in &summoned.parts {
        if let Some(why) = values::part_mistake(name, value) {
            errors.under(value, why);
        }
    }
    if let Some(value) = summoned.nodes().and_then(|arg| arg.values.first()) {
        count_of_nodes(value, errors);
        fixed_port_of_nodes(summoned, errors);
    }
    for arg in &summoned.calls {
        let takes = checked_options::takes(&arg.method());
        if let Some(why) = values::mistake(arg, takes) {
            let values = &arg.values;
            match values.is_empty() {
                true => errors.at(arg.key.span(), why),
                false => errors.under(&quote!(#(#values),*), why),
            }
            continue;
        }
        let Some(value) = arg.values.first() else {
            continue;
        };
        if takes == Takes::Command {
            command(value, Before::Nothing, Some(false), errors);
        }
        let Some(text) = literal::text(value) else {
            continue;
        };
        let what = format!("`{}`", arg.key);
        match takes {
            Takes::Duration => tell(text, duration::parse(&text.value()).err(), errors),
            Takes::Listener if takes.named_value(&text.value()).is_none() => {
                let message = "the listener is not `own` or `any`; write `\"own\"` for the process \
                               and its descendants, or `\"any\"` for any process";
                errors.under(text, message);
            }
            Takes::Missing if takes.named_value(&text.value()).is_none() => {
                let message = "`missing` is not `skip` or `fail`; write `\"skip\"` to pass a test \
                               without its program, or `\"fail\"` to fail it";
                errors.under(text, message);
            }
            Takes::Pull if takes.named_value(&text.value()).is_none() => {
                let message = "`pull` is not `missing`, `always`, or `never`";
                errors.under(text, message);
            }
            Takes::LineRegex => line_regex(text, &what, errors),
            Takes::TextRegex => {
                let why = pattern::read(&text.value()).err();
                regex_mistake(text, &what, why.map(Cow::from), errors);
            }
            _ => {}
        }
    }
}

/// Refuses a link to a process that certainly has no TCP port.
fn link(summoned: &Summoned, errors: &mut Errors) {
    let Some(arg) = summoned.calls("linked").next() else {
        return;
    };
    let is_true = |value: &Expr| {
        let literal = match value {
            Expr::Lit(literal) => &literal.lit,
            _ => return false,
        };
        matches!(literal, Lit::Bool(value) if value.value)
    };
    if !arg.values.first().is_some_and(is_true) {
        return;
    }
    match (summoned.nodes(), summoned.kind.is_command()) {
        (Some(_), _) if arg.key == "link" => {
            let message = "each node has a link of its own; write `links = true`";
            return errors.at(arg.key.span(), message);
        }
        (None, true) if arg.key == "links" => {
            let message = "`links` is for several nodes; add `nodes = 3`, or write `link = true`";
            return errors.at(arg.key.span(), message);
        }
        _ => {}
    }
    // Another probe may have a port.
    let is_open = summoned
        .calls("and")
        .chain(summoned.calls("listen_fd"))
        .next()
        .is_some();
    let message = match summoned.kind {
        Kind::Udp => "a link passes on TCP, and this process serves UDP; remove it",
        Kind::Simple | Kind::File | Kind::Unix | Kind::Notify
            if !is_open && texts::lacks_port(summoned) =>
        {
            "a link leads to a port, and this process has none; write `{port}` into its command"
        }
        _ => return,
    };
    errors.at(arg.key.span(), message);
}

/// Checks the attributes of one function together.
pub(crate) fn attributes(
    summoned: &[Option<Summoned>],
    parameters: &[PatType],
    errors: &mut Errors,
) {
    let set = Set::new(summoned, parameters);
    set.check_names(errors);
    set.check_placeholders(errors);
    circle::check(&set, errors);
}

/// Checks the placeholders of a fixture. rustc finds the other fixtures in them.
pub(crate) fn fixture(summoned: &Summoned, errors: &mut Errors) {
    Set::of_fixture(summoned).check_placeholders(errors);
}

/// Whether a shell runs the command. None if only the runtime knows.
fn is_for_shell(summoned: &Summoned) -> Option<bool> {
    match summoned.calls("shell").last() {
        Some(arg) => literal::boolean(arg.values.first()?),
        None => Some(false),
    }
}

fn tell(text: &LitStr, why: Option<String>, errors: &mut Errors) {
    if let Some(why) = why {
        errors.under(text, why);
    }
}

/// Checks a command that a shell runs, does not run, or perhaps runs.
fn command(value: &Expr, before: Before, shell: Option<bool>, errors: &mut Errors) {
    const EMPTY: &str = "the command is empty; begin it with the name or the path of a program";
    if let Some(words) = literal::list(value) {
        let program = words.first().map(|word| literal::text(word));
        if shell == Some(true) {
            let message = "a shell takes one text, not a list of words; write one text, or remove \
                           `shell`";
            errors.under(value, message);
        } else if program.is_none_or(|it| it.is_some_and(|it| it.value().is_empty())) {
            errors.under(value, EMPTY);
        }
        return;
    }
    let Some(text) = literal::text(value) else {
        return;
    };
    let line = text.value();
    // Only the shell can check a command of its language.
    if shell != Some(false) {
        if line.trim().is_empty() {
            errors.under(text, EMPTY);
        }
        return;
    }
    match shell::split(&line) {
        Ok(words) if words.first().is_none_or(String::is_empty) => errors.under(text, EMPTY),
        Ok(_) => tell(text, shell::refusal(&line, before), errors),
        Err(why) => errors.under(text, why),
    }
}

/// Checks the arguments of a program of the package. There may be none.
fn arguments(program: &Program, summoned: &Summoned, errors: &mut Errors) {
    if is_for_shell(summoned) != Some(false) {
        let message = "summon runs a program of the package without a shell; remove `shell`";
        errors.under(&program.name, message);
    }
    without_program(&summoned.main, errors);
}

/// Checks arguments without their program. There may be none.
fn without_program(main: &Expr, errors: &mut Errors) {
    let text = literal::text(main);
    if text.is_some_and(|text| !text.value().trim().is_empty()) {
        command(main, Before::Program, Some(false), errors);
    }
}

fn line_regex(text: &LitStr, what: &str, errors: &mut Errors) {
    let why = match pattern::read(&text.value()) {
        Ok(pattern) if pattern.matches_empty_line => Some(Cow::Borrowed(
            "matches the empty line, and so the first line of any output; write text that the line \
             must contain",
        )),
        Ok(pattern) => pattern.never.map(Cow::Borrowed),
        Err(why) => Some(Cow::Owned(why)),
    };
    regex_mistake(text, what, why, errors);
}

fn regex_mistake(text: &LitStr, what: &str, why: Option<Cow<'_, str>>, errors: &mut Errors) {
    if let Some(why) = why {
        // Show backslashes as the user has to type them in this literal.
        let is_raw = text.token().to_string().starts_with('r');
        let why = if is_raw {
            why
        } else {
            why.replace('\\', r"\\").into()
        };
        errors.under(text, format!("{what} {why}"));
    }
}

fn port(value: &Expr, errors: &mut Errors) {
    let Some((is_negative, number)) = literal::integer(value) else {
        return;
    };
    let is_port = number.base10_parse::<u16>().is_ok_and(|port| port != 0);
    if is_negative || !is_port {
        let minus = if is_negative { "-" } else { "" };
        let message = format!(
            "{minus}{} is not a port; write a number from 1 to 65535, or remove `port` to get a free \
             port in `{{port}}`",
            number.base10_digits()
        );
        errors.under(value, message);
    }
}

fn count_of_nodes(value: &Expr, errors: &mut Errors) {
    let Some((is_negative, number)) = literal::integer(value) else {
        return;
    };
    let count = number.base10_parse::<usize>().unwrap_or(usize::MAX);
    let why = match is_negative {
        true => Some(format!(
            "-{count} is not a number of nodes; write, for example, `nodes = 3`"
        )),
        false => nodes::refusal(count),
    };
    if let Some(why) = why {
        errors.under(value, why);
    }
}

/// Refuses a fixed port, which only one of the nodes could have.
fn fixed_port_of_nodes(summoned: &Summoned, errors: &mut Errors) {
    if let Some(value) = summoned.part("port") {
        // An error says that it is no port.
        let port = literal::integer(value).map(|(_, port)| port.base10_parse::<u16>());
        let message = match port {
            Some(Ok(port)) => nodes::shared_port(port),
            Some(Err(_)) => return,
            None => {
                "nodes can't share a fixed port; remove `port`, so that each node gets a free port \
                     in `{port}`"
                    .to_owned()
            }
        };
        errors.under(value, message);
    }
    if let Some(text) = summoned.part("url").and_then(literal::text) {
        let text_of_url = text.value();
        let port = Url::parse(&text_of_url).map(|url| url.port.parse::<u16>());
        if let Ok(Ok(port)) = port {
            errors.under(text, nodes::shared_port(port));
        }
    }
}

/// Checks a URL, or the parts that form one.
fn url(summoned: &Summoned, errors: &mut Errors) {
    let mut check = |part: &str, url: &dyn Fn(&str) -> String| {
        if let Some(text) = summoned.part(part).and_then(literal::text) {
            tell(text, Url::parse(&url(&text.value())).err(), errors);
        }
    };
    check("url", &str::to_owned);
    check("host", &|host| format!("http://{host}:{{port}}/"));
    check("path", &|path| {
        let path = path.strip_prefix('/').unwrap_or(path);
        format!("http://localhost:{{port}}/{path}")
    });
}
