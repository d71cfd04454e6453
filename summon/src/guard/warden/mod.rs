//! The warden: a copy of the test executable that forks guards.
//!
//! A test process has threads, so it must not fork without exec: locks that other threads hold stay
//! locked in the child (`fork(2)`). The warden has one thread and may fork. It is the test
//! executable started again. [`enter`](enter) turns that copy into the warden before `main`, and before
//! any test, can run.

mod enter;
mod serve;
