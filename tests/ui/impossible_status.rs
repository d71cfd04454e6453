use summon::summon;

#[summon(http = "my-api --port {port}", status = 2000)]
fn f1() {}

#[summon(http = "my-api --port {port}", status = [200, -1])]
fn f2() {}

#[summon(http = "my-api --port {port}", status = "204")]
fn f3() {}

#[summon(http = "my-api --port {port}", status(200, 204))]
fn f4() {}

#[summon(http = "my-api --port {port}", status = 0..=99)]
fn f5() {}

#[summon(http = "my-api --port {port}", status = 400..200)]
fn f6() {}

#[summon(http = "my-api --port {port}", status = 200 | 204)]
fn f7() {}

fn main() {}
