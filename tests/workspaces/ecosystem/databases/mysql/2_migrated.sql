-- The database that ran this migration. Its copies have the same row.
CREATE TABLE migrated AS SELECT DATABASE() AS name;
