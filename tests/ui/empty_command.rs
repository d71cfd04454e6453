use summon::summon;

#[summon(simple = "")]
fn text() {}

#[summon(simple = [""])]
fn list() {}

#[summon(exec = "my-server", probe = " ")]
fn probe() {}

#[summon(simple = " ", shell = true)]
fn shell() {}

fn main() {}
