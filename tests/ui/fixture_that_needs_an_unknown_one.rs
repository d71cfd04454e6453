use summon::Fixture;

#[summon::fixture(simple = "my-api --db {DB.port} --admin {admin_port}")]
static WITH_AN_UNKNOWN_WORD: Fixture;

#[summon::fixture(simple = "my-api --db {DB.port}")]
static API: Fixture;

fn main() {}
