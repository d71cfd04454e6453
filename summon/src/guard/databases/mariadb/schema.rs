//! Reads the template's definitions, and writes statements that make a clone.

use super::super::job::{CLONE, NAME, Recipe};
use super::super::rows::Rows;
use super::statements::{GRANTS, granted, literal, pattern, quoted};

/// The maximum number of bytes in the statements for a clone.
const LONGEST: usize = 8 << 20;
/// The settings of a session that makes a clone. Rows may have the value 0 in an `AUTO_INCREMENT`
/// column, and refer to later rows. By default, a lock on the template would block the session for a
/// day.
const SETTINGS: &str = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; \
     SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO', foreign_key_checks = 0, unique_checks = 0, \
     lock_wait_timeout = 10, max_statement_time = 0, sql_quote_show_create = 1, \
     character_set_client = utf8mb4, character_set_results = utf8mb4, \
     collation_connection = utf8mb4_general_ci, time_zone = '+00:00'";
/// Leaves the database: summon ends the connections to it after its test.
const LEAVE: &str = "USE information_schema";

/// Returns the next statement that reads the template.
pub(super) fn read(template: &str, answers: &[Rows]) -> Option<String> {
    let schema = literal(template);
    let select = |what: &str, table: &str, of: &str, order: &str| {
        let from = format!("information_schema.{table} WHERE {of} = {schema} ORDER BY {order}");
        format!("SELECT {what} FROM {from}")
    };
    Some(match answers.len() {
        // The definition of a view has no name of a database only if that is the current one.
        0 => format!(
            "{SETTINGS}; USE {0}; SHOW CREATE DATABASE {0}",
            quoted(template)
        ),
        1 => {
            let size = "COALESCE(DATA_LENGTH + INDEX_LENGTH, 0)";
            let what = format!("TABLE_NAME, TABLE_TYPE, {size}");
            select(&what, "TABLES", "TABLE_SCHEMA", "TABLE_NAME")
        }
        2 => format!(
            "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = {schema} \
             AND IS_GENERATED = 'NEVER' ORDER BY TABLE_NAME, ORDINAL_POSITION"
        ),
        3 => {
            let order = "EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER";
            select("TRIGGER_NAME", "TRIGGERS", "TRIGGER_SCHEMA", order)
        }
        4 => {
            let what = "ROUTINE_TYPE, ROUTINE_NAME";
            select(what, "ROUTINES", "ROUTINE_SCHEMA", what)
        }
        5 => select("EVENT_NAME", "EVENTS", "EVENT_SCHEMA", "EVENT_NAME"),
        6 => {
            let of = granted(template);
            let users =
                GRANTS.map(|table| format!("SELECT User, Host FROM mysql.{table} WHERE {of}"));
            users.join(" UNION ")
        }
        // One row for each definition, in this order.
        7 => {
            let found = Objects::new(answers)?;
            let shown = found.shown();
            let shown = shown.map(|(kind, name)| format!("SHOW CREATE {kind} {}; ", quoted(name)));
            shown.chain([LEAVE.to_owned()]).collect()
        }
        8 => {
            let found = Objects::new(answers)?;
            let tables = found.of("TABLE").map(|name| {
                let table = format!("{}.{}", quoted(template), quoted(name));
                format!("SELECT EXISTS (SELECT 1 FROM {table}); ")
            });
            let sequences = found.of("SEQUENCE").map(|name| {
                let table = format!("{}.{}", quoted(template), quoted(name));
                format!("SELECT next_not_cached_value, cycle_count FROM {table}; ")
            });
            tables.chain(sequences).chain([LEAVE.to_owned()]).collect()
        }
        9 => {
            let users = answers[6].iter().filter_map(|row| match &row[..] {
                [Some(user), Some(host)] => Some(grants_of(user, host)),
                _ => None,
            });
            users.chain([LEAVE.to_owned()]).collect()
        }
        _ => return None,
    })
}

/// Shows the grants of a user. A role has no host.
fn grants_of(user: &str, host: &str) -> String {
    match host {
        "" => format!("SHOW GRANTS FOR {}; ", quoted(user)),
        host => format!("SHOW GRANTS FOR {}@{}; ", quoted(user), quoted(host)),
    }
}

/// The objects in the template: the kind and the name of each.
struct Objects<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Objects<'a> {
    fn new(answers: &'a [Rows]) -> Option<Objects<'a>> {
        let [_, tables, _, triggers, routines, events, ..] = answers else {
            return None;
        };
        let tables = tables.iter().filter_map(|row| match &row[..] {
            [Some(name), Some(kind), ..] => Some(match kind.as_str() {
                "VIEW" | "SEQUENCE" => (kind.as_str(), name.as_str()),
                _ => ("TABLE", name.as_str()),
            }),
            _ => None,
        });
        let one = |kind: &'static str, rows: &'a Rows| {
            let names = rows.iter().filter_map(|row| row.first()?.as_deref());
            names.map(move |name| (kind, name))
        };
        let routines = routines.iter().filter_map(|row| match &row[..] {
            [Some(kind), Some(name)] => Some((kind.as_str(), name.as_str())),
            _ => None,
        });
        let all = tables.chain(routines);
        let all = all
            .chain(one("TRIGGER", triggers))
            .chain(one("EVENT", events));
        Some(Objects(all.collect()))
    }

    fn shown(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().copied()
    }

    fn of(&self, kind: &'static str) -> impl Iterator<Item = &'a str> {
        let of_kind = self.shown().filter(move |(it, _)| *it == kind);
        of_kind.map(|(_, name)| name)
    }
}

/// Writes the recipe, by the answers to [`read`].
pub(super) fn recipe(template: &str, answers: &[Rows]) -> Result<Recipe, String> {
    let unknown = || "the server has answered something unknown about the template".to_owned();
    let recipe = Reading { template, answers }.recipe().ok_or_else(unknown)?;
    let length: usize = recipe
        .clone
        .iter()
        .chain(&recipe.rename)
        .map(String::len)
        .sum();
    match length > LONGEST {
        true => Err(format!(
            "the definitions in it have {length} bytes, and at most {LONGEST} are allowed"
        )),
        false => Ok(recipe),
    }
}

struct Reading<'a> {
    template: &'a str,
    answers: &'a [Rows],
}

/// The statements for a clone, in the order that the server needs.
#[derive(Default)]
struct Statements {
    tables: Vec<String>,
    /// The tables that move to the database with the final name.
    moved: Vec<String>,
    sequences: Vec<String>,
    /// The tables that can't move: a default names a sequence with its database.
    others: Vec<String>,
    /// Views call functions.
    routines: Vec<String>,
    views: Vec<View>,
    /// Triggers come after all rows.
    rest: Vec<String>,
}

struct View {
    /// The name, in quotes.
    name: String,
    settings: String,
    text: String,
}

impl Reading<'_> {
    fn recipe(&self) -> Option<Recipe> {
        let [database, tables, ..] = self.answers else {
            return None;
        };
        let database = database.first()?.get(1)?.as_deref()?;
        let parts = self.parts()?;
        let [clone, name] = [CLONE, NAME].map(|name| {
            let create = database.replace(self.template, name);
            [SETTINGS.to_owned(), create, format!("USE `{name}`")]
        });
        let moved = match &parts.moved[..] {
            [] => None,
            moved => Some(format!("RENAME TABLE {}", moved.join(", "))),
        };
        let made = [parts.sequences, parts.others, parts.routines]
            .into_iter()
            .chain([in_order(parts.views), parts.rest])
            .flatten();
        let end = [format!("DROP DATABASE `{CLONE}`"), LEAVE.to_owned()];
        let rename = name.into_iter().chain(moved).chain(made);
        let rename = rename.chain([SETTINGS.to_owned()]).chain(self.grants());
        let sizes = tables.iter().filter_map(|row| row.get(2)?.as_ref());
        let sizes = sizes.filter_map(|size| size.parse::<u64>().ok());
        Some(Recipe {
            size: sizes.fold(0, u64::saturating_add),
            clone: clone
                .into_iter()
                .chain(parts.tables)
                .chain([LEAVE.to_owned()])
                .collect(),
            rename: rename.chain(end).collect(),
        })
    }

    fn parts(&self) -> Option<Statements> {
        let [.., shown, contents, _] = self.answers else {
            return None;
        };
        let found = Objects::new(self.answers)?;
        let (has_rows, states) = contents.split_at_checked(found.of("TABLE").count())?;
        let (mut has_rows, mut states) = (has_rows.iter(), states.iter());
        let mut parts = Statements::default();
        for ((kind, name), shown) in found.shown().zip(shown) {
            let text = |at: usize| shown.get(at)?.as_deref();
            let quoted = quoted(name);
            match kind {
                "TABLE" => {
                    let table = text(1)?;
                    let can_move = !table.contains(self.template);
                    let statements = match can_move {
                        true => &mut parts.tables,
                        false => &mut parts.others,
                    };
                    statements.push(self.named(table));
                    if has_rows.next()?.first()?.as_deref()? == "1" {
                        statements.push(self.copy(name));
                    }
                    if can_move {
                        let moved = format!("`{CLONE}`.{quoted} TO `{NAME}`.{quoted}");
                        parts.moved.push(moved);
                    }
                }
                "SEQUENCE" => {
                    let [Some(next), Some(round)] = &states.next()?[..] else {
                        return None;
                    };
                    let state = format!("DO SETVAL({quoted}, {next}, 0, {round})");
                    parts.sequences.extend([self.named(text(1)?), state]);
                }
                "VIEW" => {
                    let settings = format!("SET SESSION collation_connection = {}", text(3)?);
                    parts.views.push(View {
                        name: quoted,
                        settings,
                        text: self.named(text(1)?),
                    });
                }
                "EVENT" => {
                    let zone = format!(", time_zone = {}", literal(text(2)?));
                    let event = in_mode(text(1)?, text(5)?, &zone, self.named(text(3)?));
                    parts.rest.extend(event);
                }
                "TRIGGER" => {
                    let trigger = in_mode(text(1)?, text(4)?, "", self.named(text(2)?));
                    parts.rest.extend(trigger);
                }
                _ => {
                    let routine = in_mode(text(1)?, text(4)?, "", self.named(text(2)?));
                    parts.routines.extend(routine);
                    parts.routines.push(SETTINGS.to_owned());
                }
            }
        }
        Some(parts)
    }

    /// Copies the rows of a table. The server computes the values of generated columns.
    fn copy(&self, table: &str) -> String {
        let columns = self.answers.get(2).into_iter().flatten();
        let columns = columns.filter_map(|row| match &row[..] {
            [Some(of), Some(column)] if of == table => Some(quoted(column)),
            _ => None,
        });
        let columns = columns.collect::<Vec<_>>().join(", ");
        let (from, table) = (quoted(self.template), quoted(table));
        format!("INSERT INTO {table} ({columns}) SELECT {columns} FROM {from}.{table}")
    }

    /// Returns the grants on the template, as grants on the clone. A grant treats the name of a
    /// database as a pattern, and `_` matches any letter. With `\\_` the name could be too long for the
    /// server. No other database has the number, so the pattern fits no other name.
    fn grants(&self) -> impl Iterator<Item = String> {
        let shown = self.answers.get(9).into_iter().flatten();
        let shown = shown.filter_map(|row| row.first()?.as_deref());
        shown.filter_map(|grant| {
            let grant = grant.replace(&pattern(self.template), self.template);
            let on = format!("{}.", quoted(self.template));
            grant.contains(&on).then(|| self.named(&grant))
        })
    }

    /// Replaces the name of the template, which is a part of some definitions.
    fn named(&self, definition: &str) -> String {
        definition.replace(self.template, NAME)
    }
}

/// Makes an object under the settings of its maker.
fn in_mode(mode: &str, collation: &str, others: &str, definition: String) -> [String; 2] {
    let mode = literal(mode);
    let settings =
        format!("SET SESSION sql_mode = {mode}, collation_connection = {collation}{others}");
    [settings, definition]
}

/// Orders views: a view comes after the views that it names. A name in a view may also be a column, so
/// a circle is possible. The first view of a circle comes first.
fn in_order(mut views: Vec<View>) -> Vec<String> {
    let mut ordered = Vec::new();
    while !views.is_empty() {
        let is_ready = |view: &View| {
            let others = views.iter().filter(|other| other.name != view.name);
            !others
                .into_iter()
                .any(|other| view.text.contains(&other.name))
        };
        let next = views.iter().position(is_ready).unwrap_or(0);
        let view = views.remove(next);
        ordered.extend([view.settings, view.text]);
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_any_size_make_a_recipe() {
        let row = |values: &[&str]| values.iter().map(|it| Some((*it).to_owned())).collect();
        let table = |name| row(&[name, "SEQUENCE", &u64::MAX.to_string()]);
        let mut answers = vec![Rows::new(); 10];
        answers[0] = vec![row(&["t", "CREATE DATABASE `t`"])];
        answers[1] = vec![table("a"), table("b")];
        let shown = row(&["a", "CREATE SEQUENCE `a`"]);
        answers[7] = vec![Vec::clone(&shown), shown];
        answers[8] = vec![row(&["1", "0"]), row(&["1", "0"])];
        let recipe = recipe("t", &answers).unwrap();
        assert_eq!(recipe.size, u64::MAX);
    }

    #[test]
    fn a_view_comes_after_those_that_it_names() {
        let view = |name: &str, of: &[&str]| View {
            name: quoted(name),
            settings: String::new(),
            text: [&[name][..], of]
                .concat()
                .iter()
                .map(|it| quoted(it))
                .collect(),
        };
        let views = vec![view("a", &["b", "c"]), view("b", &["c"]), view("c", &["t"])];
        let ordered = in_order(views);
        let texts: Vec<_> = ordered.iter().filter(|text| !text.is_empty()).collect();
        assert_eq!(texts, ["`c``t`", "`b``c`", "`a``b``c`"]);
        // Columns may have these names.
        let ordered = in_order(vec![view("a", &["b"]), view("b", &["a"])]);
        assert_eq!(ordered.len(), 4);
    }
}
