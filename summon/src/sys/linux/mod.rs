//! Linux: `/proc`, pidfds, inotify, `sock_diag`, subreapers, and sockets with abstract names.

pub(crate) mod beneath;
pub(crate) mod clients;
mod clock;
pub(crate) mod containers;
pub(crate) mod contents;
mod descriptor_tables;
pub(crate) mod diag;
pub(crate) mod emulator;
pub(crate) mod ending;
pub(crate) mod events;
pub(crate) mod executable;
pub(crate) mod family;
pub(crate) mod file_watch;
pub(crate) mod interfaces;
pub(crate) mod listeners;
pub(crate) mod memory;
mod netlink;
pub(crate) mod notices;
pub(crate) mod peer;
pub(crate) mod pipes;
pub(crate) mod port_claims;
pub(crate) mod proc;
pub(crate) mod proc_namespace;
mod proc_net;
mod process_tree;
pub(crate) mod punch;
#[cfg(test)]
mod reach;
mod socket_holders;
pub(crate) mod sockets;
pub(crate) mod splice;
pub(crate) mod streams;
pub(crate) mod surroundings;
mod text;
pub(crate) mod thread;
pub(crate) mod title;
pub(crate) mod unix_sockets;
pub(crate) mod waker;

pub(crate) use proc_namespace::unmet;
