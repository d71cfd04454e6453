//! The invocation of a program as reports show it: command, directory, and changes to the
//! environment.

use std::ffi::{OsStr, OsString};

use crate::error::{Error, shown_command};
use crate::guard::Program;
use crate::process::spec::Spec;

#[derive(Clone, Debug, Default)]
pub(in crate::process) struct Invocation {
    pub(in crate::process) command: String,
    pub(in crate::process) directory: String,
    /// One line per variable that differs from the test's environment.
    pub(in crate::process) environment: Vec<String>,
}

/// The maximum length of a shown value, in characters. Longer values are cut.
const LONGEST: usize = 200;

impl Invocation {
    /// `is_private` is whether the program runs in the private directory, which no longer exists
    /// when the user reads the report.
    pub(in crate::process) fn new(spec: &Spec, program: &Program, is_private: bool) -> Invocation {
        let mut environment = Vec::new();
        for (name, _) in &spec.env {
            let ours = std::env::var_os(name);
            let theirs = program.env.iter().find(|(other, _)| other == name);
            let change = match theirs {
                Some((_, value)) if ours.as_ref() == Some(value) => continue,
                None if ours.is_none() => continue,
                Some((_, value)) => shown_variable(name, value),
                None => format!("{} is removed", name.to_string_lossy()),
            };
            // A variable that was set twice has one value, so it is listed once.
            if !environment.contains(&change) {
                environment.push(change);
            }
        }
        let dir = program.dir.display();
        Invocation {
            command: shown_command(program.argv.iter().map(OsString::as_os_str)),
            directory: match is_private {
                true => format!("{dir}, removed with the process"),
                false => dir.to_string(),
            },
            environment,
        }
    }

    pub(in crate::process) fn add_to(&self, error: Error) -> Error {
        let mut error = error.fact("command", &*self.command);
        if !self.directory.is_empty() {
            error = error.fact("directory", &*self.directory);
        }
        if !self.environment.is_empty() {
            error = error.fact("env", self.environment.join("\n"));
        }
        error
    }
}

/// Returns `NAME=value`, with secrets masked.
pub(crate) fn shown_variable(name: &OsStr, value: &OsStr) -> String {
    let (name, value) = (name.to_string_lossy(), value.to_string_lossy());
    if is_secret(&name) {
        return format!("{name}=***");
    }
    let value = without_password(&value);
    match value.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{name}={}.. ({} bytes)", &value[..end], value.len()),
        None => format!("{name}={value}"),
    }
}

/// Returns whether the name suggests a secret, which must not appear in a log.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let words = [
        "SECRET",
        "TOKEN",
        "PASS",
        "PWD",
        "CREDENTIAL",
        "PRIVATE",
        "KEY",
        "AUTH",
        "COOKIE",
        "SESSION",
    ];
    // `PWD` alone is the working directory.
    name != "PWD" && words.iter().any(|word| name.contains(word))
}

/// Masks the password of a URL: `postgres://lisa:***@localhost`.
fn without_password(value: &str) -> String {
    let Some((scheme, rest)) = value.split_once("://") else {
        return value.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let Some((user, _)) = rest[..end]
        .rsplit_once('@')
        .and_then(|(user, _)| user.split_once(':'))
    else {
        return value.to_owned();
    };
    let host = rest[..end].rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{user}:***@{host}{}", &rest[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &str, value: &str) -> String {
        shown_variable(name.as_ref(), value.as_ref())
    }

    #[test]
    fn secrets_are_not_shown() {
        for name in [
            "PGPASSWORD",
            "api_key",
            "GITHUB_TOKEN",
            "CLIENT_SECRET",
            "DB_PWD",
        ] {
            assert_eq!(shown(name, "hush"), format!("{name}=***"));
        }
        assert_eq!(shown("PORT", "80"), "PORT=80");
        assert_eq!(shown("PWD", "/tmp"), "PWD=/tmp");
    }

    #[test]
    fn passwords_in_urls_are_not_shown() {
        let url = |value: &str| shown("DATABASE_URL", value);
        assert_eq!(
            url("postgres://lisa:hu@sh@localhost:5432/db?a=b@c"),
            "DATABASE_URL=postgres://lisa:***@localhost:5432/db?a=b@c"
        );
        for plain in ["postgres://localhost/a:b@c", "http://[::1]:80/", "no url"] {
            assert_eq!(url(plain), format!("DATABASE_URL={plain}"));
        }
    }

    #[test]
    fn long_values_are_cut_short() {
        let value = "x".repeat(500);
        assert_eq!(
            shown("A", &value),
            format!("A={}.. (500 bytes)", &value[..200])
        );
    }
}
