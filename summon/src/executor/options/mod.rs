//! The options of a process. Each builder method is also an option of the attribute.

// A new option is a method here. If the macros check its value, or it may be repeated, it is also a row of their
// `checked_options.rs`.

mod files;
mod image;
mod program;
mod start;
mod stop;
