//! One of three binaries that want the same fixed port.

mod common;
