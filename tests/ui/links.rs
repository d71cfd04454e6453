use summon::{Fixture, summon};

#[summon::fixture(tcp = "my-server {port}", link = true)]
static SERVER: Fixture;

#[summon(fixture = SERVER, link = true)]
fn of_a_fixture() {}

#[summon(link = true)]
fn without_a_kind() {}

#[summon(simple = "sleep 100", link = true)]
fn without_a_port() {}

#[summon(udp = "dns {port}", link = true)]
fn of_udp() {}

fn main() {}
