//! mysql, on MariaDB.

use mysql::Conn;
use mysql::prelude::Queryable;
use summon::{Fixture, servers::Mariadb, summon};

#[summon::fixture(executor = Mariadb::new(), setup = migrate)]
static MARIA: Fixture<Mariadb>;

fn migrate(maria: &Mariadb) -> Result<(), mysql::Error> {
    let mut connection = Conn::new(&*maria.url("/test"))?;
    connection.query_drop("CREATE TABLE songs (title TEXT)")
}

#[summon(fixture = MARIA)]
#[test]
fn adds_a_song(maria: &Mariadb) {
    let mut connection = Conn::new(&*maria.url("/test")).unwrap();
    let added = connection.query_drop("INSERT INTO songs VALUES ('Kalinka')");
    added.unwrap();
    assert_eq!(connection.affected_rows(), 1);
}
