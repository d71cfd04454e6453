use summon::{Cluster, summon};

#[summon(simple = "sleep 1", nodes = 0)]
fn none(nodes: &Cluster) {}

#[summon(simple = "sleep 1", nodes = 101)]
fn too_many(nodes: &Cluster) {}

#[summon(simple = "sleep 1", nodes = -1)]
fn negative(nodes: &Cluster) {}

#[summon(simple = "sleep 1", nodes = 2, nodes = 3)]
fn twice(nodes: &Cluster) {}

#[summon(simple = "sleep 1", nodes = "3")]
fn text(nodes: &Cluster) {}

fn main() {}
