use summon::summon;

#[summon(simple = "my-server", args = "-a 'b c'")]
fn f1() {}

#[summon(simple = "my-server", args("-a", "b"))]
fn f2() {}

#[summon(simple = "my-server", args = ("-a", "b"))]
fn f3() {}

#[summon(simple = "my-server", arg("-a", "b"))]
fn f4() {}

#[summon(simple = "my-server", envs("A", "b"))]
fn f5() {}

#[summon(simple = "my-server", envs = ["A", "b"])]
fn f6() {}

#[summon(simple = "my-server", envs(A = "b", B = "c"))]
fn f7() {}

#[summon(simple = "my-server", env_remove("A", "B"))]
fn f8() {}

#[summon(simple = "my-server", env_remove = ["A", "B"])]
fn f9() {}

#[summon(simple = "my-server", after("db", "cache"))]
fn f10() {}

#[summon(simple = "my-server", unless = ["FATAL", "panicked"])]
fn f11() {}

#[summon(simple = "my-server", expect_exit(0, 1))]
fn f12() {}

#[summon(simple = "my-server", timeout("1s", "2s"))]
fn f13() {}

#[summon(simple = "my-server", timeout())]
fn f14() {}

fn main() {}
