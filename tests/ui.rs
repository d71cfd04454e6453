//! The errors that users read for their mistakes. Each case is one mistake, and its `.stderr` holds
//! the messages. Names begin with `rustc` if the compiler's own message is better. Code that looks
//! wrong but is right is in `ui/pass`, and compiles with this file.
//!
//! `TRYBUILD=overwrite` writes the `.stderr` files again. Read them before you commit them.

#[path = "ui/pass/parameters_of_others.rs"]
mod parameters_of_others;
#[path = "ui/pass/placeholders.rs"]
mod placeholders;
#[path = "ui/pass/values_of_run_time.rs"]
mod values_of_run_time;

#[test]
#[cfg_attr(not(is_rustc_1_95), ignore = "the messages are those of rustc 1.95")]
fn each_mistake_has_its_message() {
    trybuild::TestCases::new().compile_fail("ui/*.rs");
}
