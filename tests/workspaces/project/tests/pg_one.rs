mod common;

#[path = "common/pg.rs"]
mod pg;

#[test]
fn a() {
    pg::use_database("one_a");
}

#[test]
fn b() {
    pg::use_database("one_b");
}
