//! The statements that make, name, and drop databases, and the names themselves.

use super::protocol::Rows;

/// The length of an identifier (`NAMEDATALEN` - 1).
const LONGEST_NAME: usize = 63;
/// The servers from this version on copy the files of a template if asked to. Their default writes
/// each page to the log, which takes three times as long and makes a later drop slow.
const HAS_STRATEGY: u32 = 15;
/// The servers from this version on end the connections to a database that they drop.
const HAS_FORCE: u32 = 13;

/// What a clone does not inherit from its template.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Traits {
    pub(super) size: u64,
    owner: String,
    connection_limit: String,
    has_settings: bool,
    /// The statements for the grants, without the name of the database.
    grants: Vec<Grant>,
}

#[derive(Clone, Debug, PartialEq)]
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

pub(super) fn create(name: &str) -> String {
    format!("CREATE DATABASE {}", quoted(name))
}

/// Collects the statistics of the template, on a connection to it. The others end first, since they
/// may have locks. The time-out is for those that end slowly, or come again.
pub(super) fn analyze(template: &str) -> [String; 3] {
    let others = format!("{} AND pid <> pg_backend_pid()", end_connections(template));
    [others, "SET lock_timeout = '5s'".into(), "ANALYZE".into()]
}

/// Keeps everyone off the template, and returns who was connected: a clone of a database with a
/// connection fails after five seconds.
pub(super) fn shut(template: &str) -> [String; 2] {
    let literal = literal(template);
    [
        format!(
            "ALTER DATABASE {} ALLOW_CONNECTIONS false",
            quoted(template)
        ),
        format!(
            "SELECT pid, application_name, pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = {literal}"
        ),
    ]
}

/// Returns one row for each connection to a database.
pub(super) fn connected(name: &str) -> String {
    format!(
        "SELECT pid FROM pg_stat_activity WHERE datname = {}",
        literal(name)
    )
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
    pub(super) fn read(answers: &[Rows]) -> Option<Traits> {
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

/// Makes a clone that equals its template.
pub(super) fn clone(name: &str, template: &str, traits: &Traits, version: u32) -> Vec<String> {
    let (clone, from) = (quoted(name), quoted(template));
    let strategy = match version >= HAS_STRATEGY {
        true => " STRATEGY FILE_COPY",
        false => "",
    };
    let (owner, limit) = (&traits.owner, &traits.connection_limit);
    let mut statements = vec![format!(
        "CREATE DATABASE {clone} TEMPLATE {from} OWNER {owner} CONNECTION LIMIT {limit}{strategy}"
    )];
    if traits.has_settings {
        // The row that `ALTER DATABASE .. SET` and `ALTER ROLE .. IN DATABASE .. SET` would write.
        // As statements, the values of lists would need quotes by the rules of each setting.
        statements.push(format!(
            "INSERT INTO pg_db_role_setting SELECT new.oid, setrole, setconfig \
             FROM pg_db_role_setting, pg_database old, pg_database new \
             WHERE setdatabase = old.oid AND old.datname = {} AND new.datname = {}",
            literal(template),
            literal(name)
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
    statements
}

pub(super) fn rename(clone: &str, name: &str) -> String {
    format!(
        "ALTER DATABASE {} RENAME TO {}",
        quoted(clone),
        quoted(name)
    )
}

/// Ends all connections to a database.
pub(super) fn end_connections(name: &str) -> String {
    format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}",
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

/// Returns the name of the database for a test: the test's name, shortened, and a number. It needs no
/// quotes, neither in `psql` nor in a URL.
pub(super) fn of_test(test: &str, number: u64) -> String {
    let number = format!("_{number}");
    let mut name = String::new();
    for letter in test.chars() {
        match letter.to_ascii_lowercase() {
            letter @ ('a'..='z' | '0'..='9') => name.push(letter),
            _ if name.ends_with('_') || name.is_empty() => {}
            _ => name.push('_'),
        }
    }
    let name = name.trim_end_matches('_');
    let mut name = match name.chars().next() {
        None => "test".to_owned(),
        Some('0'..='9') => format!("t{name}"),
        Some(_) => name.to_owned(),
    };
    name.truncate(LONGEST_NAME - number.len());
    name + &number
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
    fn a_name_begins_with_the_test_and_needs_no_quotes() {
        for (test, name) in [
            ("orders::adds_one", "orders_adds_one_7"),
            ("Größe::case_1", "gr_e_case_1_7"),
            ("2::b", "t2_b_7"),
            ("::", "test_7"),
            ("", "test_7"),
        ] {
            assert_eq!(of_test(test, 7), name);
        }
        let long = of_test(&"a".repeat(100), 1234);
        assert_eq!((long.len(), long.ends_with("a_1234")), (63, true));
        assert!(of_test(&"ü".repeat(100), u64::MAX).len() <= 63);
    }

    #[test]
    fn a_name_can_not_leave_its_quotes() {
        assert_eq!(create("a\"b"), "CREATE DATABASE \"a\"\"b\"");
        assert!(connected("a'b").ends_with("= 'a''b'"));
    }
}
