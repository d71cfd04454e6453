//! The nodes of a cluster: how many there may be, and their names.

use crate::words;

/// The most nodes of a cluster. Each node has a guard, a log, and a directory.
pub const MOST: usize = 100;

/// Returns an error for a number of nodes that makes no cluster.
pub fn refusal(count: usize) -> Option<String> {
    match count {
        0 => Some("a cluster needs at least 1 node".to_owned()),
        1..=MOST => None,
        _ => Some(format!("a cluster has at most {MOST} nodes, not {count}")),
    }
}

/// Returns the error of nodes with a fixed port.
pub fn shared_port(port: u16) -> String {
    format!(
        "nodes can't share the fixed port {port}; remove it, so that each node gets a free port in \
         `{{port}}`"
    )
}

/// Returns the error of `{link}` or `{link_port}` in a node without a link.
pub fn without_links(word: &str) -> String {
    let what = match word {
        "link_port" => "port",
        _ => "address",
    };
    format!("`{{{word}}}` is the {what} of a node's link; add `links = true`")
}

/// Returns the name of a node.
pub fn name(cluster: &str, index: usize) -> String {
    format!("{cluster}-{index}")
}

/// Returns the error of the name of a node that its cluster does not have.
pub fn missing(wanted: &str, count: usize) -> String {
    let cluster = split(wanted).map_or(wanted, |(cluster, _)| cluster);
    let names: Vec<_> = (0..count).map(|index| name(cluster, index)).collect();
    let names = match names.as_slice() {
        [first, .., last] if count > 3 => format!("`{first}` to `{last}`"),
        names => words::list_names(names),
    };
    format!("there is no node `{wanted}`; the cluster has {names}")
}

/// Splits the name of a node into the name of its cluster and the index.
pub fn split(name: &str) -> Option<(&str, usize)> {
    let (cluster, index) = name.rsplit_once('-')?;
    let number = index.parse().ok()?;
    // `01` and `+1` are no index.
    (index == format!("{number}")).then_some((cluster, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_splits_into_what_it_was_made_of() {
        assert_eq!(split(&name("my-node", 12)), Some(("my-node", 12)));
        for other in ["node", "node-", "node-01", "node-+1", "-", "0"] {
            assert_eq!(split(other), None, "{other}");
        }
    }

    #[test]
    fn only_some_numbers_make_a_cluster() {
        assert_eq!(refusal(1), None);
        assert_eq!(refusal(MOST), None);
        assert!(refusal(0).is_some() && refusal(MOST + 1).is_some());
    }
}
