use summon::summon;

#[summon(simple = "my-server", stop_signal = "INTR")]
fn f1() {}

#[summon(simple = "my-server", stop_signal = 2)]
fn f2() {}

#[summon(simple = "my-server", stop_signal = "please")]
fn f3() {}

fn main() {}
