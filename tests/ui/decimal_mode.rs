use summon::summon;

#[summon(simple = "my-server", umask = 022)]
fn f1() {}

#[summon(simple = "my-server", umask = "022")]
fn f2() {}

#[summon(simple = "my-server", dir_mode = 755)]
fn f3() {}

#[summon(simple = "my-server", with_dir("data", 700))]
fn f4() {}

fn main() {}
