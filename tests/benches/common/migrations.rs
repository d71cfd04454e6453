//! The schema of a project of some years: 50 tables, by 87 migrations.

/// Returns the statement of each migration.
pub(crate) fn migrations() -> Vec<String> {
    let table = |number: usize| {
        let parent = match number {
            0 => String::new(),
            _ => format!(" REFERENCES table_{}", number - 1),
        };
        format!(
            "CREATE TABLE table_{number} (id BIGSERIAL PRIMARY KEY, name TEXT NOT NULL UNIQUE, \
             made TIMESTAMPTZ NOT NULL DEFAULT now(), parent BIGINT{parent})"
        )
    };
    let change = |number: usize| match number % 3 {
        0 => format!("CREATE INDEX ON table_{number} (made)"),
        1 => format!("ALTER TABLE table_{number} ADD COLUMN note TEXT NOT NULL DEFAULT ''"),
        _ => format!(
            "INSERT INTO table_{number} (name) SELECT 'row ' || x FROM generate_series(1, 100) x"
        ),
    };
    (0..50).map(table).chain((0..37).map(change)).collect()
}
