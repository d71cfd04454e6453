const NAME: &str = "server";

#[summon::summon(bin = "server", tcp = "--listen {port}")]
fn binary() {}

#[summon::summon(example = "helper", simple = "")]
fn example() {}

#[summon::summon(bin = NAME, simple = "")]
fn name_of_run_time() {}

#[summon::summon(bin = "server", example = "helper", simple = "'", shell = true)]
fn both() {}

#[summon::summon(bin = "server", fixture = SERVER)]
fn fixture() {}

fn main() {}
