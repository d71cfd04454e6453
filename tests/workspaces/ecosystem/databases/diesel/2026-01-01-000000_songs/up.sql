CREATE TABLE songs (title TEXT PRIMARY KEY);
-- The database that ran this migration. Its copies have the same row.
CREATE TABLE migrated AS SELECT current_database()::TEXT AS by;
