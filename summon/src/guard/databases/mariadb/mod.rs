//! MariaDB: clones by the definitions of the template's tables, which are read once, and copies of
//! their rows.
//!
//! The server copies the rows itself (`INSERT .. SELECT`). So rows of all types and character sets keep
//! their bytes, and the guard needs no memory for them.

mod packets;
mod protocol;
mod schema;
mod statements;

use super::database_numbers::Numbers;
use super::dialect::{self, Dialect};
use super::job::{Job, Recipe};
use super::names;
use super::rows::Rows;
use super::types::ServerKind;
use protocol::Protocol;
#[cfg(fuzzing)]
pub(in crate::guard) use protocol::answered;

#[derive(Debug)]
pub(super) struct Mariadb;

impl Dialect for Mariadb {
    fn connect(&self, _: Option<&str>) -> Box<dyn dialect::Protocol> {
        Box::new(Protocol::new(ServerKind::Mariadb.superuser()))
    }

    fn next(&self, job: &Job, answers: &[Rows], _: u32) -> Option<String> {
        let at = answers.len();
        let first = |statement: &dyn Fn() -> String| (at == 0).then(statement);
        match job {
            Job::Count => first(&statements::highest_number),
            Job::Create(name) => first(&|| statements::create(name)),
            Job::Analyze(_) | Job::Replace(_) => None,
            Job::Shut(name) | Job::End(name) => first(&|| statements::end_connections(name)),
            Job::Look(name) => first(&|| statements::connected(name)),
            Job::Read(name) => schema::read(name, answers),
            Job::Clone { name, recipe } => first(&|| statements::clone(recipe, name)),
            Job::Rename {
                clone,
                name,
                recipe,
            } => first(&|| statements::rename(recipe, clone, name)),
            Job::Drop(name) => statements::drop(name).into_iter().nth(at),
        }
    }

    fn numbers(&self, answers: &[Rows]) -> Numbers {
        Numbers::after(answers)
    }

    fn recipe(&self, template: &str, answers: &[Rows]) -> Result<Recipe, String> {
        schema::recipe(template, answers)
    }

    fn name(&self, clone: &str, test: &str) -> String {
        names::of_test(test, clone)
    }
}
