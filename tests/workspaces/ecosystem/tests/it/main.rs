//! summon beside other test tools, one module each. The docs show the first item of a module. The
//! rest are other orders of the attributes, as far as they compile.

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
