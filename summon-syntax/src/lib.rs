//! How summon reads texts: commands, placeholders, durations, sizes, URLs, and regular expressions. Also
//! finds processes whose texts refer to each other in a circle.
//!
//! The attribute checks literals with these functions at compile time, and the runtime checks all
//! other values with the same functions. Use them through
//! [`summon`](https://docs.rs/summon-process): this crate promises no stable interface.
#![warn(clippy::unwrap_used)]

pub mod circle;
pub mod duration;
pub mod nodes;
pub mod pattern;
mod possible;
pub mod shell;
pub mod size;
pub mod template;
pub mod url;
pub mod words;
