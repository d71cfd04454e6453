//! `export = "DATABASE_URL"`: the environment variable that gets the URL of a fixture.

use syn::{Expr, LitStr};

use crate::args::Args;
use crate::errors::Errors;
use crate::kind::Kind;
use crate::literal;

/// Takes the variable out of the arguments of an attribute.
pub(crate) fn take(args: &mut Args, kind: Kind, errors: &mut Errors) -> Option<Expr> {
    let variable = args.option("export", errors)?;
    let message = match kind {
        Kind::Fixture => {
            // The runtime checks the values of other expressions.
            let name = literal::text(&variable).map(LitStr::value);
            let is_bad = |name: &String| name.is_empty() || name.contains(['=', '\0']);
            let Some(name) = name.filter(is_bad) else {
                return Some(variable);
            };
            format!("{name:?} can't name an environment variable; write, for example, \"DATABASE_URL\"")
        }
        Kind::Database => {
            "all tests of a process share its environment variables, and each test has its own \
             database; remove `export` and pass `db.url()`, or write `fixture` in place of `database`"
                .to_owned()
        }
        _ => {
            "`export` is for the tests that share a fixture; write it beside `fixture`, as in \
             `#[summon(fixture = PG, export = \"DATABASE_URL\")]`"
                .to_owned()
        }
    };
    errors.under(&variable, message);
    None
}
