//! The pieces of work on a server.

use std::sync::Arc;

/// The name of a clone in the statements of a [`Recipe`]. Numbers begin at 1, so no database has this
/// name.
pub(super) const CLONE: &str = "summon_clone_0";
/// The final name of a clone in the statements of a [`Recipe`].
pub(super) const NAME: &str = "summon_name_0";

/// A piece of work on the server. A dialect may need no statements for some jobs.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Job {
    /// Find the highest number that a database of this server has.
    Count,
    /// Make an empty database, which becomes a template.
    Create(String),
    /// Collect the statistics of the template.
    Analyze(String),
    /// End all connections to the template, and prevent new ones.
    Shut(String),
    /// List the remaining connections to the template.
    Look(String),
    /// Read what a clone needs.
    Read(String),
    Clone {
        name: String,
        recipe: Arc<Recipe>,
    },
    /// Replace the server's own template with a clone.
    Replace(String),
    /// Give a clone its final name.
    Rename {
        clone: String,
        name: String,
        recipe: Arc<Recipe>,
    },
    /// End all connections to a database.
    End(String),
    Drop(String),
}

/// The statements for a clone, and its size. summon reads the template once.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Recipe {
    /// The bytes of a clone.
    pub(super) size: u64,
    /// The statements that make the clone with the name [`CLONE`].
    pub(super) clone: Vec<String>,
    /// The statements that give it the name [`NAME`], if the dialect needs the recipe for that.
    pub(super) rename: Vec<String>,
}
