//! The statements that make, name, and drop databases.

use super::super::job::{CLONE, Recipe};
use super::super::rows::Rows;

/// The servers from this version on copy the files of a template if asked to. By default, they write
/// each page to the log. Then a clone takes three times the time, and its drop is slow.
const HAS_STRATEGY: u32 = 15;
/// The servers from this version on end the connections to a database that they drop.
const HAS_FORCE: u32 = 13;

/// The database that `CREATE DATABASE` copies unless told otherwise
/// (<https://www.postgresql.org/docs/current/manage-ag-templatedbs.html>).
const DEFAULT: &str = "template1";

/// The properties that a clone does not inherit from its template.
struct Traits {
    size: u64,
    owner: String,
    connection_limit: String,
    has_settings: bool,
    /// The statements for the grants, without the name of the database.
    grants: Vec<Grant>,
}

struct Grant {
    privilege: String,
    /// A quoted name, or `PUBLIC`.
    grantee: String,
    option: String,
}

/// Returns the highest number at the end of a database's name. An earlier run of this server may have
/// left databases.
pub(super) fn highest_number() -> String {
    "SELECT coalesce(max(substring(datname from '_([0-9]{1,9})$')::int), 0) FROM pg_database".into()
}

/// Makes an empty database. The server refuses to copy its own template while someone is connected to it,
/// such as a client that the setup has left. Describes each connection that it ends.
pub(super) fn create(name: &str) -> [String; 2] {
    [ended(DEFAULT), format!("CREATE DATABASE {}", quoted(name))]
}

/// Collects the statistics of the template, on a connection to it. The others end first, since they may
/// have locks. The time-out limits the wait if connections end slowly, or if clients connect again.
/// Describes each connection that it ends.
pub(super) fn analyze(template: &str) -> [String; 3] {
    let end = ended(template);
    let others = format!("{end} AND pid <> pg_backend_pid()");
    [others, "SET lock_timeout = '5s'".into(), "ANALYZE".into()]
}

/// Keeps everyone off the template, and describes the connections that it ends: a clone of a database
/// with a connection fails after five seconds.
pub(super) fn shut(template: &str) -> [String; 2] {
    [
        format!(
            "ALTER DATABASE {} ALLOW_CONNECTIONS false",
            quoted(template)
        ),
        ended(template),
    ]
}

/// The name under which the server lists the guard's connections.
pub(super) const APPLICATION: &str = "summon";

/// The columns that [`described`] reads.
const CONNECTION: &str = "pid, usename, application_name, state, left(query, 100)";

/// Returns one row for each connection to a database.
pub(super) fn connected(name: &str) -> String {
    let literal = literal(name);
    format!("SELECT {CONNECTION} FROM pg_stat_activity WHERE datname = {literal}")
}

/// Ends the connections to a database, and returns one row for each.
fn ended(name: &str) -> String {
    let literal = literal(name);
    format!(
        "SELECT {CONNECTION}, pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {literal}"
    )
}

/// Describes the connections of others in the answers to such statements.
pub(super) fn described_of_others(answers: &[Rows]) -> Vec<String> {
    let is_ours = |row: &Vec<Option<String>>| {
        row.get(2)
            .is_some_and(|it| it.as_deref() == Some(APPLICATION))
    };
    let others = answers
        .iter()
        .map(|rows| rows.iter().filter(|row| !is_ours(row)).cloned().collect());
    described(&others.collect::<Vec<Rows>>())
}

/// Describes the connections in the answers to such statements.
pub(super) fn described(answers: &[Rows]) -> Vec<String> {
    let describe = |row: &Vec<Option<String>>| {
        let [pid, user, application, state, query, ..] = &row[..] else {
            return None;
        };
        let mut text = format!("pid {}", pid.as_deref()?);
        for (what, value) in [
            ("user", user),
            ("application", application),
            ("query", query),
        ] {
            if let Some(value) = value.as_deref().filter(|it| !it.is_empty()) {
                text += &format!(", {what} `{value}`");
            }
        }
        Some(text + &state.as_ref().map_or(String::new(), |it| format!(", {it}")))
    };
    answers.iter().flatten().filter_map(describe).collect()
}

/// Reads what a clone does not inherit.
pub(super) fn traits(template: &str) -> [String; 2] {
    let literal = literal(template);
    [
        format!(
            "SELECT pg_database_size(oid), quote_ident(pg_get_userbyid(datdba)), datconnlimit, \
             EXISTS (SELECT FROM pg_db_role_setting WHERE setdatabase = d.oid) \
             FROM pg_database d WHERE datname = {literal}"
        ),
        format!(
            "SELECT privilege_type, \
             CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END, \
             CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END \
             FROM pg_database, aclexplode(datacl) WHERE datname = {literal}"
        ),
    ]
}

impl Traits {
    /// Reads the answers to [`traits`].
    fn read(answers: &[Rows]) -> Option<Traits> {
        let [database, grants] = answers else {
            return None;
        };
        let [size, owner, connection_limit, has_settings] = &database.first()?[..] else {
            return None;
        };
        let grants = grants.iter().map(|row| match &row[..] {
            [privilege, grantee, option] => Some(Grant {
                privilege: privilege.clone()?,
                grantee: grantee.clone()?,
                option: option.clone()?,
            }),
            _ => None,
        });
        Some(Traits {
            size: size.as_ref()?.parse().ok()?,
            owner: owner.clone()?,
            connection_limit: connection_limit.clone()?,
            has_settings: has_settings.as_deref() == Some("t"),
            grants: grants.collect::<Option<_>>()?,
        })
    }
}

/// Returns what makes a clone that equals its template, by the answers to [`traits`].
pub(super) fn recipe(template: &str, answers: &[Rows]) -> Option<Recipe> {
    let traits = Traits::read(answers)?;
    let (clone, from) = (quoted(CLONE), quoted(template));
    let (owner, limit) = (&traits.owner, &traits.connection_limit);
    let mut statements = vec![format!(
        "CREATE DATABASE {clone} TEMPLATE {from} OWNER {owner} CONNECTION LIMIT {limit}"
    )];
    if traits.has_settings {
        // The row that `ALTER DATABASE .. SET` and `ALTER ROLE .. IN DATABASE .. SET` would write.
        // As statements, the values of lists would need quotes by the rules of each setting.
        statements.push(format!(
            "INSERT INTO pg_db_role_setting SELECT new.oid, setrole, setconfig \
             FROM pg_db_role_setting, pg_database old, pg_database new \
             WHERE setdatabase = old.oid AND old.datname = {} AND new.datname = {}",
            literal(template),
            literal(CLONE)
        ));
    }
    if !traits.grants.is_empty() {
        // A new database has the default grants, which the template may have revoked.
        let mut grants = format!("REVOKE ALL ON DATABASE {clone} FROM PUBLIC, {owner}");
        for grant in &traits.grants {
            let Grant {
                privilege,
                grantee,
                option,
            } = grant;
            grants += &format!("; GRANT {privilege} ON DATABASE {clone} TO {grantee}{option}");
        }
        statements.push(grants);
    }
    Some(Recipe {
        size: traits.size,
        clone: statements,
        rename: Vec::new(),
    })
}

/// Returns the statement with this number that makes a clone with this name.
pub(super) fn clone(recipe: &Recipe, at: usize, name: &str, version: u32) -> Option<String> {
    let mut statement = recipe.clone.get(at)?.replace(CLONE, name);
    if at == 0 && version >= HAS_STRATEGY {
        statement += " STRATEGY FILE_COPY";
    }
    Some(statement)
}

/// Lets a clone take the place of `template1`. A server refuses to drop a database with the template
/// flag.
pub(super) fn replace_default(clone: &str, version: u32) -> [String; 5] {
    [
        end_connections(DEFAULT),
        // An earlier attempt may have dropped it, so this is no `ALTER DATABASE`.
        format!(
            "UPDATE pg_database SET datistemplate = false WHERE datname = {}",
            literal(DEFAULT)
        ),
        drop(DEFAULT, version),
        rename(clone, DEFAULT),
        format!("ALTER DATABASE {} IS_TEMPLATE true", quoted(DEFAULT)),
    ]
}

pub(super) fn rename(clone: &str, name: &str) -> String {
    format!(
        "ALTER DATABASE {} RENAME TO {}",
        quoted(clone),
        quoted(name)
    )
}

/// Ends all connections to a database. The view `pg_stat_activity` would take six times the server's time, after
/// each test.
pub(super) fn end_connections(name: &str) -> String {
    format!(
        "SELECT pg_terminate_backend(pg_stat_get_backend_pid(it)) FROM pg_stat_get_backend_idset() it \
         WHERE pg_stat_get_backend_dbid(it) = (SELECT oid FROM pg_database WHERE datname = {})",
        literal(name)
    )
}

/// Drops a database, also if someone has connected again.
pub(super) fn drop(name: &str, version: u32) -> String {
    let force = if version >= HAS_FORCE {
        " WITH (FORCE)"
    } else {
        ""
    };
    format!("DROP DATABASE IF EXISTS {}{force}", quoted(name))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_not_leave_its_quotes() {
        assert_eq!(create("a\"b")[1], "CREATE DATABASE \"a\"\"b\"");
        assert!(connected("a'b").ends_with("= 'a''b'"));
    }

    #[test]
    fn the_guard_s_own_connection_is_not_blamed_on_others() {
        let row = |application: &str| {
            ["7", "postgres", application, "idle", "ANALYZE"].map(|it| Some(it.to_owned()))
        };
        let answers = [vec![row(APPLICATION).to_vec(), row("psql").to_vec()]];
        let all = described(&answers);
        assert_eq!(
            (all.len(), described_of_others(&answers)),
            (2, all[1..].to_vec())
        );
    }
}
