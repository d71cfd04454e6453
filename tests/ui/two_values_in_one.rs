use summon::summon;

#[summon(simple = "my-server", env = ("A", "b"))]
fn f1() {}

#[summon(simple = "my-server", env(A = "b"))]
fn f2() {}

#[summon(simple = "my-server", env("A" = "b"))]
fn f3() {}

#[summon(simple = "my-server", env(A = "b", B = "c d"))]
fn f4() {}

#[summon(simple = "my-server", env = "A=b")]
fn f5() {}

#[summon(simple = "my-server", env = [("A", "b")])]
fn f6() {}

#[summon(simple = "my-server", env("A"))]
fn f7() {}

#[summon(simple = "my-server", env("A", 5))]
fn f8() {}

#[summon(simple = "my-server", with_file = ("my.conf", "port 1"))]
fn f9() {}

#[summon(simple = "my-server", with_file = "my.conf")]
fn f10() {}

#[summon(simple = "my-server", with_dir = "data")]
fn f11() {}

#[summon(http = "my-api --port {port}", header = "Accept: text/html")]
fn f12() {}

#[summon(simple = "my-server", env = ["A", "b"])]
fn f13() {}

fn main() {}
