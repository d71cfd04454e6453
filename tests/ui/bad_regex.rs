use summon::summon;

#[summon(output = "my-server", banner = "listening (on port")]
fn unclosed() {}

#[summon(output = "my-server", banner = "* ready")]
fn nothing_to_repeat() {}

#[summon(output = "my-server", banner = "listening on {port}")]
fn placeholder() {}

#[summon(simple = "my-server", unless = r"\pL+ failed")]
fn unicode() {}

#[summon(simple = "my-server", never = "panicked at (")]
fn never() {}

#[summon(http = "my-server --port {port}", path = "/", body_matches = "status (UP")]
fn body() {}

fn main() {}
