//! What Linux does its own way: `/proc`, pidfds, inotify, `sock_diag`, sockets with abstract names.

pub(crate) mod diag;
pub(crate) mod files;
pub(crate) mod listeners;
pub(crate) mod meeting;
pub(crate) mod peer;
pub(crate) mod proc;
pub(crate) mod unix_sockets;
