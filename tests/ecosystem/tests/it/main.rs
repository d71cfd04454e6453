//! summon beside what others make, one module each. What stands first in a module is what the docs
//! show of it; then come other orders of the attributes, as far as they compile.

mod assert_cmd;
mod builtin;
mod ends;
mod insta;
mod programs;
mod proptest;
mod rstest;
mod serial_test;
mod support;
mod test_case;
mod test_context;
mod test_log;
mod tokio;
mod wrong;
