use summon::summon;

#[summon(simple = "my-server", timeout = 5)]
fn f1() {}

#[summon(simple = "my-server", stop_timeout = 1.5)]
fn f2() {}

#[summon(simple = "my-server", turn_timeout = "30")]
fn f3() {}

#[summon(simple = "my-server", log_limit = 10)]
fn f4() {}

#[summon(simple = "my-server", log_limit = "10 megabytes")]
fn f5() {}

fn main() {}
