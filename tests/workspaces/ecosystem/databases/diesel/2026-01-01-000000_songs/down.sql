DROP TABLE songs, migrated;
