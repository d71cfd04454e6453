//! PostgreSQL: clones by `CREATE DATABASE .. TEMPLATE`.

mod error_response;
mod protocol;
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

/// The database that every server has, for connections that need no other.
const MAINTENANCE: &str = "postgres";

#[derive(Debug)]
pub(super) struct Postgres;

impl Dialect for Postgres {
    fn connect(&self, database: Option<&str>) -> Box<dyn dialect::Protocol> {
        let user = ServerKind::Postgres.superuser();
        Box::new(Protocol::new(user, database.unwrap_or(MAINTENANCE)))
    }

    fn database<'a>(&self, job: &'a Job) -> Option<&'a str> {
        match job {
            Job::Analyze(template) => Some(template),
            _ => None,
        }
    }

    fn next(&self, job: &Job, answers: &[Rows], version: u32) -> Option<String> {
        let at = answers.len();
        let one = |statement: fn() -> String| (at == 0).then(statement);
        let of = |name: &str, statement: fn(&str) -> String| (at == 0).then(|| statement(name));
        match job {
            Job::Count => one(statements::highest_number),
            Job::Create(name) => statements::create(name).into_iter().nth(at),
            Job::Analyze(name) => statements::analyze(name).into_iter().nth(at),
            Job::Shut(name) => statements::shut(name).into_iter().nth(at),
            Job::Look(name) => of(name, statements::connected),
            Job::Read(name) => statements::traits(name).into_iter().nth(at),
            Job::Clone { name, recipe } => statements::clone(recipe, at, name, version),
            Job::Replace(clone) => statements::replace_default(clone, version)
                .into_iter()
                .nth(at),
            Job::Rename { clone, name, .. } => (at == 0).then(|| statements::rename(clone, name)),
            Job::End(name) => of(name, statements::end_connections),
            Job::Drop(name) => (at == 0).then(|| statements::drop(name, version)),
        }
    }

    fn numbers(&self, answers: &[Rows]) -> Numbers {
        Numbers::after(answers)
    }

    fn ended(&self, answers: &[Rows]) -> Vec<String> {
        // The connection of the analysis ends while the next job runs.
        statements::described_of_others(answers)
    }

    fn connections(&self, _template: &str, answers: &[Rows]) -> Vec<String> {
        statements::described(answers)
    }

    fn recipe(&self, template: &str, answers: &[Rows]) -> Result<Recipe, String> {
        let recipe = statements::recipe(template, answers);
        recipe.ok_or_else(|| format!("`{template}` does not exist any more"))
    }

    fn name(&self, clone: &str, test: &str) -> String {
        names::of_test(test, clone)
    }
}
