//! summon beside database clients and migration tools, one module each.

mod common;
mod diesel;
mod mysql;
mod redis;
mod rstest;
mod sea_orm;
mod sqlx;
mod timed;
mod tokio_postgres;
