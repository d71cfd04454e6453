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

#[summon(tcp = "node {port}", link = true, nodes = 3)]
fn one_link_of_several_nodes() {}

#[summon(tcp = "node {port}", links = true)]
fn links_of_one_process() {}

#[summon(tcp = "node {port} {link}", nodes = 3)]
fn no_link_to_advertise() {}

#[summon(tcp = "node {port} {link_port}", nodes = 3)]
fn no_port_to_advertise() {}

fn main() {}
