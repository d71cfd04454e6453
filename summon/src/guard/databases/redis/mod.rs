//! Redis: numbered databases, which are empty or get copies of the template's keys.

mod protocol;

use std::collections::VecDeque;

use super::database_numbers::Numbers;
use super::dialect::{self, Dialect};
use super::job::{CLONE, Job, Recipe};
use super::rows::{Rows, first};
use protocol::Protocol;
#[cfg(fuzzing)]
pub(in crate::guard) use protocol::answered;

/// Empties a database. In a script, `SELECT` does not affect the connection: the guard's connections
/// stay in database 0.
const EMPTY: &str = "local selected = redis.pcall('SELECT', ARGV[1]) \
                     if selected.err then return selected end \
                     return redis.pcall('FLUSHDB')";
/// Counts the keys of a database.
const COUNT: &str = "redis.call('SELECT', ARGV[1]) return redis.call('DBSIZE')";
/// Copies the next keys of a database to another. Returns the cursor for the next call. The keys stay
/// on the server, so they may have any bytes. Other clients wait during a call, which takes a few
/// milliseconds.
const COPY: &str = "redis.call('SELECT', ARGV[1]) \
                    local found = redis.call('SCAN', ARGV[3], 'COUNT', 1000) \
                    for _, key in ipairs(found[2]) do \
                    local copied = redis.pcall('COPY', key, key, 'DB', ARGV[2], 'REPLACE') \
                    if type(copied) == 'table' and copied.err then return copied end \
                    end return found[1]";

#[derive(Debug)]
pub(super) struct Redis;

impl Dialect for Redis {
    fn connect(&self, _: Option<&str>) -> Box<dyn dialect::Protocol> {
        Box::new(Protocol::default())
    }

    fn next(&self, job: &Job, answers: &[Rows], _: u32) -> Option<String> {
        match job {
            Job::Count => {
                let asked = ["CONFIG GET databases", "INFO keyspace"];
                asked.get(answers.len()).map(|it| (*it).to_owned())
            }
            Job::Create(name) => answers.is_empty().then(|| eval(EMPTY, &[name])),
            // Redis also copies keys while clients are connected to the template.
            Job::Shut(name) | Job::End(name) => end_clients(name, answers),
            Job::Analyze(_) | Job::Look(_) | Job::Replace(_) | Job::Rename { .. } => None,
            Job::Read(name) => match answers.len() {
                0 => Some(eval(COUNT, &[name])),
                1 => Some("INFO memory".to_owned()),
                2 => Some("COMMAND INFO copy".to_owned()),
                _ => None,
            },
            Job::Clone { name, recipe } => {
                let Some((last, _)) = answers.split_last() else {
                    return Some(eval(EMPTY, &[name]));
                };
                let cursor = match answers.len() {
                    1 => "0",
                    _ => first(last).filter(|cursor| *cursor != "0")?,
                };
                let copy = recipe.clone.first()?;
                Some(format!("{} {cursor}", copy.replace(CLONE, name)))
            }
            Job::Drop(name) => {
                let end = end_clients(name, answers);
                let is_emptied = answers.last().and_then(first) == Some("OK");
                end.or_else(|| (!is_emptied).then(|| eval(EMPTY, &[name])))
            }
        }
    }

    fn numbers(&self, answers: &[Rows]) -> Numbers {
        let count = answers
            .first()
            .and_then(|rows| rows.first()?.get(1)?.as_ref());
        let count = count.and_then(|count| count.parse::<u64>().ok());
        let keyspace = answers.get(1).and_then(first).unwrap_or_default();
        // Such as `db7:keys=1,expires=0,avg_ttl=0`.
        let used = keyspace.lines().filter_map(|line| {
            let (name, _) = line.split_once(':')?;
            name.strip_prefix("db")?.parse::<u64>().ok()
        });
        Numbers {
            last: used.max().unwrap_or(0),
            most: count.unwrap_or(0).saturating_sub(1),
            again: VecDeque::new(),
        }
    }

    fn recipe(&self, template: &str, answers: &[Rows]) -> Result<Recipe, String> {
        let [keys, memory, copy] = answers else {
            return Ok(Recipe::default());
        };
        if first(keys) == Some("0") {
            return Ok(Recipe::default());
        }
        if copy.iter().flatten().flatten().next().is_none() {
            return Err(
                "the server can't copy keys: it has no `COPY`, which is new in Redis 6.2".into(),
            );
        }
        // The template has less than the whole server.
        let memory = first(memory).unwrap_or_default().lines();
        let size = memory
            .filter_map(|line| line.strip_prefix("used_memory:"))
            .next();
        Ok(Recipe {
            size: size.and_then(|size| size.parse().ok()).unwrap_or(0),
            clone: vec![eval(COPY, &[template, CLONE])],
            rename: Vec::new(),
        })
    }

    fn template_name(&self, number: u64) -> String {
        number.to_string()
    }

    fn clone_name(&self, number: u64) -> String {
        number.to_string()
    }

    fn name(&self, clone: &str, _test: &str) -> String {
        clone.to_owned()
    }

    fn used_again(&self, name: &str) -> Option<u64> {
        name.parse().ok()
    }
}

/// Ends the connections to a database: lists the clients, and then ends them one after another.
fn end_clients(name: &str, answers: &[Rows]) -> Option<String> {
    let Some((clients, ended)) = answers.split_first() else {
        return Some("CLIENT LIST".to_owned());
    };
    let ids = clients_of(name, first(clients).unwrap_or_default());
    let id = ids.into_iter().nth(ended.len())?;
    Some(format!("CLIENT KILL ID {id}"))
}

/// Returns the ids of the clients that have selected a database.
fn clients_of<'a>(database: &str, list: &'a str) -> Vec<&'a str> {
    let value = |line: &'a str, name: &str| {
        let mut words = line.split(' ');
        words.find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    };
    let clients = list
        .lines()
        .filter(|line| value(line, "db") == Some(database));
    clients.filter_map(|line| value(line, "id")).collect()
}

/// Returns the command that runs a script.
fn eval(script: &str, args: &[&str]) -> String {
    format!("EVAL \"{script}\" 0 {}", args.join(" "))
}
