//! Checks how many values an option has, and the type of each literal. rustc finds the same mistakes, but
//! its messages name types and traits instead of the code to write.

use quote::ToTokens;
use summon_syntax::{shell, size, words};
use syn::{BinOp, Expr, ExprBinary, ExprRange, Lit, RangeLimits};

use crate::args::Arg;
use crate::checked_options::{self, Takes};
use crate::literal;
use crate::named_values::SIGNALS;

/// Returns the error of the values of an option. It shows the code to write.
pub(super) fn mistake(arg: &Arg, takes: Takes) -> Option<String> {
    let key = arg.key.to_string();
    let values: Vec<&Expr> = arg.values.iter().collect();
    if let Some(pairs) = assignments(&values) {
        return pairs_mistake(&key, takes, &pairs);
    }
    match (takes.count()?, values.as_slice()) {
        (1, [value]) => one(&key, takes, value),
        (1, values) => Some(not_one(&key, takes, values)),
        (_, [first, second]) => two(&key, takes, first, second),
        (_, values) => Some(not_two(&key, takes, values)),
    }
}

/// Returns the error of a key of the kind, such as `host`.
pub(super) fn part_mistake(key: &str, value: &Expr) -> Option<String> {
    if key == "port" {
        let text = literal::text(value)?.value();
        return Some(match text.parse::<u16>() {
            Ok(port) => format!("`port` takes a number; write `port = {port}`"),
            Err(_) => "`port` takes a number from 1 to 65535; remove `port` to get a free port in \
                       `{port}`"
                .to_owned(),
        });
    }
    // `127.0.0.1` without quotes is a number with fields.
    let written = value.to_token_stream().to_string().replace(' ', "");
    let is_number = written.starts_with(|c: char| c.is_ascii_digit());
    is_number.then(|| format!("`{key}` takes a text; write `{key} = \"{written}\"`"))
}

/// The pairs of `A = "b"`, if all values have this form.
fn assignments<'a>(values: &[&'a Expr]) -> Option<Vec<(&'a Expr, &'a Expr)>> {
    let pairs: Option<Vec<_>> = values.iter().copied().map(assignment).collect();
    pairs.filter(|pairs| !pairs.is_empty())
}

fn assignment(value: &Expr) -> Option<(&Expr, &Expr)> {
    match value {
        Expr::Assign(assign) => Some((&assign.left, &assign.right)),
        _ => None,
    }
}

fn pairs_mistake(key: &str, takes: Takes, pairs: &[(&Expr, &Expr)]) -> Option<String> {
    let listed = |pair: &(&Expr, &Expr)| format!("({}, {})", quoted(pair.0), shown(pair.1));
    let list: Vec<_> = pairs.iter().map(listed).collect();
    Some(match (takes, list.as_slice()) {
        (Takes::Pairs, _) => format!("write `{key} = [{}]`", list.join(", ")),
        (Takes::Variable, [_, _, ..]) => format!("write `envs = [{}]`", list.join(", ")),
        (_, [pair]) if takes.count()? == 2 => format!("write `{key}{pair}`"),
        _ => return None,
    })
}

fn not_one(key: &str, takes: Takes, values: &[&Expr]) -> String {
    let list: Vec<_> = values.iter().copied().map(shown).collect();
    let list = list.join(", ");
    match (takes, values) {
        (Takes::Texts | Takes::Codes | Takes::Statuses, [_, ..]) => {
            format!("`{key}` takes a list; write `{key} = [{list}]`")
        }
        (Takes::Pairs, [first, second]) if literal::text(first).is_some() => {
            format!(
                "`{key}` takes a list of pairs; write `{key} = [({}, {})]`",
                shown(first),
                shown(second)
            )
        }
        (_, [_, ..]) => format!("`{key}` takes one value; {}", several(key, takes, values)),
        (_, []) => format!("`{key}` has no value; write `{key} = {}`", example(takes)),
    }
}

/// Returns the code for several values.
fn several(key: &str, takes: Takes, values: &[&Expr]) -> String {
    let list: Vec<_> = values.iter().copied().map(shown).collect();
    match takes {
        Takes::Text if key == "arg" => format!("write `args = [{}]`", list.join(", ")),
        _ if checked_options::may_repeat(key) => {
            let each: Vec<_> = list.iter().map(|it| format!("{key} = {it}")).collect();
            format!("write `{}`", each.join(", "))
        }
        _ => format!("write `{key} = {}`", example(takes)),
    }
}

fn not_two(key: &str, takes: Takes, values: &[&Expr]) -> String {
    let written = match values {
        [Expr::Tuple(pair)] if pair.elems.len() == 2 => Some(format!(
            "{}, {}",
            shown(&pair.elems[0]),
            shown(&pair.elems[1])
        )),
        [Expr::Array(list)] if takes == Takes::Variable && !is_pair(list) => {
            let list: Vec<_> = list.elems.iter().map(shown).collect();
            return format!(
                "`env` takes one variable; write `envs = [{}]`",
                list.join(", ")
            );
        }
        [Expr::Array(list)] if is_pair(list) => Some(format!(
            "{}, {}",
            shown(&list.elems[0]),
            shown(&list.elems[1])
        )),
        [value] => literal::text(value).and_then(|text| {
            let text = text.value();
            let (name, value) = match takes {
                Takes::Variable => text.split_once('=')?,
                Takes::Header => text.split_once(':')?,
                _ => return None,
            };
            Some(format!("{:?}, {:?}", name.trim(), value.trim()))
        }),
        _ => None,
    };
    let written = written.unwrap_or_else(|| example(takes).to_owned());
    format!("`{key}` takes two values; write `{key}({written})`")
}

/// Whether a list has two texts.
fn is_pair(list: &syn::ExprArray) -> bool {
    list.elems.len() == 2 && list.elems.iter().all(|it| literal::text(it).is_some())
}

fn two(key: &str, takes: Takes, first: &Expr, second: &Expr) -> Option<String> {
    match takes {
        Takes::Dir => mode(second).map(|mode| format!("write `{key}({}, {mode})`", quoted(first))),
        // The contents of a file have types of their own.
        Takes::Contents => None,
        _ => {
            let is_wrong = is_number_or_flag(first) || is_number_or_flag(second);
            let (first, second) = (quoted(first), quoted(second));
            is_wrong.then(|| format!("`{key}` takes two texts; write `{key}({first}, {second})`"))
        }
    }
}

fn one(key: &str, takes: Takes, value: &Expr) -> Option<String> {
    let text = literal::text(value).map(syn::LitStr::value);
    let write = |value: &str| format!("write `{key} = {value}`");
    match takes {
        Takes::Duration => {
            let seconds = seconds(value)?;
            Some(format!(
                "`{key}` needs a unit; {}",
                write(&format!("\"{seconds}\""))
            ))
        }
        Takes::Flag => {
            let is_false = matches!(text.as_deref(), Some("false")) || shown(value) == "0";
            let is_wrong = text.is_some() || literal::integer(value).is_some();
            is_wrong.then(|| {
                format!(
                    "`{key}` takes `true` or `false`; {}",
                    write(&(!is_false).to_string())
                )
            })
        }
        Takes::Integer => {
            let number = text?.trim().parse::<i64>();
            let number = number.map_or("1".to_owned(), |number| number.to_string());
            Some(format!("`{key}` takes a number; {}", write(&number)))
        }
        Takes::Mode => {
            mode(value).map(|mode| format!("`{key}` takes an octal number; {}", write(&mode)))
        }
        Takes::Codes => {
            let number = text?;
            let number = number.parse().unwrap_or(0_i32).to_string();
            Some(format!(
                "`{key}` takes a number, a range, or a list; {}",
                write(&number)
            ))
        }
        Takes::Statuses => statuses(key, value),
        Takes::Size => match text {
            Some(text) => size::parse(&text).err(),
            None => few_bytes(key, value),
        },
        Takes::Signal => signal(key, value),
        Takes::Probe => {
            let text = literal::text(value)?.token();
            Some(format!(
                "`{key}` takes a probe; write `{key}(probe::output({text}))`"
            ))
        }
        Takes::Texts => match (text, value) {
            (Some(text), _) => {
                let words = shell::split(&text).unwrap_or(vec![text]);
                let words: Vec<_> = words.iter().map(|word| format!("{word:?}")).collect();
                Some(format!(
                    "`{key}` takes a list; {}",
                    write(&format!("[{}]", words.join(", ")))
                ))
            }
            (None, Expr::Tuple(tuple)) => {
                let words: Vec<_> = tuple.elems.iter().map(shown).collect();
                Some(format!(
                    "`{key}` takes a list; {}",
                    write(&format!("[{}]", words.join(", ")))
                ))
            }
            _ => None,
        },
        Takes::Pairs => {
            let elements = match value {
                Expr::Tuple(tuple) => &tuple.elems,
                Expr::Array(list) if literal::text(list.elems.first()?).is_some() => &list.elems,
                _ => return None,
            };
            let is_pair =
                elements.len() == 2 && elements.iter().all(|it| literal::text(it).is_some());
            let pair = match is_pair {
                true => format!("[({}, {})]", shown(&elements[0]), shown(&elements[1])),
                false => example(takes).to_owned(),
            };
            Some(format!("`{key}` takes a list of pairs; {}", write(&pair)))
        }
        Takes::Text | Takes::Name | Takes::LineRegex | Takes::TextRegex => match value {
            Expr::Array(list) => {
                let values: Vec<_> = list.elems.iter().collect();
                Some(format!(
                    "`{key}` takes one value; {}",
                    several(key, takes, &values)
                ))
            }
            // A flag forbids or allows the panics of the program.
            _ if key == "never" && literal::boolean(value).is_some() => None,
            _ if key == "user" && shown(value) == "0" => Some(format!(
                "`{key}` takes the name of a user; {}",
                write("\"root\"")
            )),
            _ => is_number_or_flag(value)
                .then(|| format!("`{key}` takes a text; {}", write(&quoted(value)))),
        },
        _ => None,
    }
}

/// The duration in `5`, `1.5`, or `"5"`, if that means seconds.
fn seconds(value: &Expr) -> Option<String> {
    if let Some(text) = literal::text(value) {
        let seconds: u64 = text.value().trim().parse().ok()?;
        return (seconds > 0).then(|| format!("{seconds}s"));
    }
    if let Some((false, number)) = literal::integer(value) {
        return Some(format!("{}s", number.base10_digits()));
    }
    match literal::literal(value)? {
        Lit::Float(float) => Some(format!("{}s", float.base10_digits())),
        _ => None,
    }
}

/// The mode that is meant with `"022"`, `022`, or `755`, which are no octal numbers in Rust.
fn mode(value: &Expr) -> Option<String> {
    let digits = match (literal::text(value), literal::integer(value)) {
        (Some(text), _) => text.value().trim_start_matches("0o").to_owned(),
        (None, Some((false, number))) => number.to_string().replace('_', ""),
        _ => return None,
    };
    let is_octal = !digits.is_empty() && digits.chars().all(|c| ('0'..='7').contains(&c));
    let is_number = literal::text(value).is_none();
    if is_number && (!is_octal || digits.trim_start_matches('0').len() < 2) {
        // One digit means the same in both, and the runtime checks the others.
        return None;
    }
    Some(match is_octal {
        true => format!("0o{digits}"),
        false => "0o755".to_owned(),
    })
}

fn statuses(key: &str, value: &Expr) -> Option<String> {
    const POSSIBLE: &str = "HTTP statuses are from 100 to 599";
    if let Some(text) = literal::text(value) {
        let number = text.value().parse().unwrap_or(200_u16);
        return Some(format!(
            "`{key}` takes a number, a range, or a list; write `{key} = {number}`"
        ));
    }
    if let Expr::Range(range) = value {
        return no_statuses(range).then(|| {
            let range = range.to_token_stream().to_string().replace(' ', "");
            format!("`{range}` has no status; {POSSIBLE}")
        });
    }
    if let Expr::Binary(ExprBinary {
        left,
        op: BinOp::BitOr(_),
        right,
        ..
    }) = value
    {
        let list = format!("[{}, {}]", shown(left), shown(right));
        return Some(format!("`{key}` takes a list; write `{key} = {list}`"));
    }
    let numbers = literal::list(value).unwrap_or(vec![value]);
    numbers.into_iter().find_map(|number| {
        let (is_negative, integer) = literal::integer(number)?;
        let is_possible = integer
            .base10_parse()
            .is_ok_and(|it: u16| (100..600).contains(&it));
        let minus = if is_negative { "-" } else { "" };
        (is_negative || !is_possible).then(|| {
            format!(
                "no server answers with {minus}{}; {POSSIBLE}",
                integer.base10_digits()
            )
        })
    })
}

/// Whether a range of literals has no number that is a status.
fn no_statuses(range: &ExprRange) -> bool {
    let number = |end: &Option<Box<Expr>>| {
        let (is_negative, number) = literal::integer(end.as_deref()?)?;
        let number: i64 = number.base10_parse().ok()?;
        Some(if is_negative { -number } else { number })
    };
    let (Some(start), Some(end)) = (number(&range.start), number(&range.end)) else {
        return false;
    };
    let end = match range.limits {
        RangeLimits::HalfOpen(_) => end,
        RangeLimits::Closed(_) => end.saturating_add(1),
    };
    start.max(100) >= end.min(600)
}

/// A limit in bytes that hardly holds a line.
fn few_bytes(key: &str, value: &Expr) -> Option<String> {
    let (_, number) = literal::integer(value)?;
    let is_small = number.base10_parse().is_ok_and(|bytes: u64| bytes < 1000);
    let number = number.base10_digits();
    is_small.then(|| {
        format!(
            "`{key} = {number}` is {number} bytes; write the unit, as in `{key} = \"{number}MB\"`"
        )
    })
}

fn signal(key: &str, value: &Expr) -> Option<String> {
    let name = match (literal::text(value), literal::integer(value)) {
        (Some(text), _) if Takes::Signal.named_value(&text.value()).is_some() => return None,
        (Some(text), _) => {
            let name = text.value().to_ascii_uppercase();
            let names = SIGNALS.iter().map(|signal| signal.0);
            words::nearest(name.trim_start_matches("SIG"), names)
        }
        (None, Some((_, number))) => {
            let number = number.base10_parse().ok();
            let mut found = SIGNALS
                .iter()
                .filter(|signal| number.is_some() && signal.1 == number);
            found.next().map(|signal| signal.0)
        }
        _ => return None,
    };
    let names = SIGNALS.iter().map(|signal| signal.0);
    let list = words::list_names(names);
    Some(match name {
        Some(name) => format!("`{key}` takes the name of a signal; write `{key} = \"{name}\"`"),
        None => format!("`{key}` takes the name of a signal: {list}"),
    })
}

fn is_number_or_flag(value: &Expr) -> bool {
    matches!(
        literal::literal(value),
        Some(Lit::Int(_) | Lit::Float(_) | Lit::Bool(_))
    )
}

/// Returns an example of the values.
fn example(takes: Takes) -> &'static str {
    match takes {
        Takes::Duration => "\"5s\"",
        Takes::Variable => "\"NAME\", \"value\"",
        Takes::Header => "\"Name\", \"value\"",
        Takes::Contents => "\"server.conf\", \"contents\"",
        Takes::Dir => "\"data\", 0o755",
        Takes::Texts => "[\"..\"]",
        Takes::Pairs => "[(\"NAME\", \"value\")]",
        Takes::Flag => "true",
        Takes::Mode => "0o755",
        Takes::Integer => "1",
        Takes::Codes => "0",
        Takes::Statuses => "200",
        Takes::Signal => "\"INT\"",
        Takes::Size => "\"64MB\"",
        Takes::Listener => "\"any\"",
        Takes::Missing => "\"skip\"",
        Takes::Pull => "\"always\"",
        Takes::Probe => "probe::output(\"..\")",
        _ => "\"..\"",
    }
}

/// A literal or a name as it is written. Other expressions are long.
fn shown(value: &Expr) -> String {
    match value {
        Expr::Lit(_) => value.to_token_stream().to_string(),
        Expr::Path(_) => value.to_token_stream().to_string().replace(' ', ""),
        Expr::Tuple(tuple) => {
            let elements: Vec<_> = tuple.elems.iter().map(shown).collect();
            format!("({})", elements.join(", "))
        }
        _ => "..".to_owned(),
    }
}

/// The same between quotes, if it has none.
fn quoted(value: &Expr) -> String {
    match literal::text(value) {
        Some(_) => shown(value),
        None => format!("\"{}\"", shown(value)),
    }
}
