//! The options of a process. Each builder method is also an option of the attribute.

mod files;
mod image;
mod program;
mod start;
mod stop;
