//! The statements that make, name, and drop databases.

use super::super::job::{CLONE, NAME, Recipe};

/// Returns the highest number at the end of a database's name. An earlier run of this server may have
/// left databases, and grants on databases that were dropped.
pub(super) fn highest_number() -> String {
    "SELECT COALESCE(MAX(CAST(REGEXP_SUBSTR(name, '[0-9]{1,9}$') AS UNSIGNED)), 0) FROM \
     (SELECT SCHEMA_NAME AS name FROM information_schema.SCHEMATA UNION SELECT Db FROM mysql.db) AS it \
     WHERE name REGEXP '_[0-9]{1,9}$'"
        .to_owned()
}

pub(super) fn create(name: &str) -> String {
    format!("CREATE DATABASE {}", quoted(name))
}

/// Ends all connections to a database. Ignores connections that have ended meanwhile.
pub(super) fn end_connections(name: &str) -> String {
    format!(
        "SET SESSION sql_mode = ''; BEGIN NOT ATOMIC DECLARE CONTINUE HANDLER FOR 1094 BEGIN END; \
         FOR connected IN ({}) DO KILL connected.ID; END FOR; END",
        connected(name)
    )
}

/// Returns one row for each connection to a database.
pub(super) fn connected(name: &str) -> String {
    format!(
        "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = {} AND ID <> CONNECTION_ID()",
        literal(name)
    )
}

/// Makes a clone from the first half of a recipe.
pub(super) fn clone(recipe: &Recipe, name: &str) -> String {
    filled(&recipe.clone, name, "")
}

/// Gives a clone its name. MariaDB can't rename a database: the tables move to another one. summon
/// makes all other objects there.
pub(super) fn rename(recipe: &Recipe, clone: &str, name: &str) -> String {
    filled(&recipe.rename, clone, name)
}

fn filled(statements: &[String], clone: &str, name: &str) -> String {
    let mut text = String::new();
    for statement in statements {
        text += statement;
        // A comment at its end must not hide this.
        text += "\n;\n";
    }
    text.replace(CLONE, clone).replace(NAME, name)
}

/// Drops a database, also if someone has connected again, and the grants on it, which the server keeps.
pub(super) fn drop(name: &str) -> [String; 3] {
    [
        end_connections(name),
        format!(
            "SET SESSION lock_wait_timeout = 10, foreign_key_checks = 0; DROP DATABASE IF EXISTS {}",
            quoted(name)
        ),
        revoke_all(name),
    ]
}

/// The tables of grants that name a database.
pub(super) const GRANTS: [&str; 4] = ["db", "tables_priv", "columns_priv", "procs_priv"];

/// Selects the grants on a database.
pub(super) fn granted(name: &str) -> String {
    format!("Db IN ({}, {})", literal(name), literal(&pattern(name)))
}

/// Removes all grants on a database. `REVOKE` would need a statement for each of them.
fn revoke_all(name: &str) -> String {
    let of = granted(name);
    let exist = GRANTS.map(|table| format!("EXISTS (SELECT * FROM mysql.{table} WHERE {of})"));
    let delete = GRANTS.map(|table| format!("DELETE FROM mysql.{table} WHERE {of}; "));
    format!(
        "BEGIN NOT ATOMIC IF {} THEN {}FLUSH PRIVILEGES; END IF; END",
        exist.join(" OR "),
        delete.concat()
    )
}

pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// Escapes a name for a grant on a database, which is a pattern.
pub(super) fn pattern(name: &str) -> String {
    name.replace('_', "\\_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_not_leave_its_quotes() {
        assert_eq!(create("a`b"), "CREATE DATABASE `a``b`");
        assert!(connected("a'b\\").contains("DB = 'a''b\\\\'"));
    }

    #[test]
    fn a_recipe_gets_its_names() {
        let recipe = Recipe {
            rename: vec![
                format!("RENAME TABLE `{CLONE}`.`a` TO `{NAME}`.`a`"),
                format!("GRANT SELECT ON `{NAME}`.* TO me"),
            ],
            ..Recipe::default()
        };
        assert_eq!(
            rename(&recipe, "summon_clone_7", "shop_8"),
            "RENAME TABLE `summon_clone_7`.`a` TO `shop_8`.`a`\n;\n\
             GRANT SELECT ON `shop_8`.* TO me\n;\n"
        );
    }
}
