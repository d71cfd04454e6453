use summon::{Cluster, summon};

#[summon(tcp = "server --port {port}", port = 7000, nodes = 3)]
fn literal(nodes: &Cluster) {}

const PORT: u16 = 7000;

#[summon(tcp = "server --port {port}", port = PORT, nodes = 3)]
fn constant(nodes: &Cluster) {}

#[summon(http = "server", url = "http://localhost:8080/", nodes = 3)]
fn in_a_url(nodes: &Cluster) {}

fn main() {}
