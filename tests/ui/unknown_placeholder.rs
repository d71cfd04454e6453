use summon::summon;

#[summon(tcp = "redis-server --port {prot}")]
fn word() {}

#[summon(output = ["my-server", "{tokne}"], banner = "token=(?<token>.*)", env("A", "{port:a} {dir:b}"))]
fn word_beside_one_that_is_told() {}

#[summon(simple = "awk '{print}' file", shell = true)]
fn text_for_a_shell() {}

#[summon(simple = "my-server", with_file("my.conf", "listen {port}\nmax {max}"))]
fn word_in_a_file() {}

fn main() {}
