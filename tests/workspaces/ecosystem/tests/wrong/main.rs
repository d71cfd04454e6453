//! Code that does not compile. Each file names its error, and `tests/it/wrong.rs` compiles each file.

#[cfg(case = "below_divan")]
mod below_divan;
#[cfg(case = "below_rstest")]
mod below_rstest;
#[cfg(case = "below_serial")]
mod below_serial;
#[cfg(case = "below_test")]
mod below_test;
#[cfg(case = "below_test_case")]
mod below_test_case;
#[cfg(case = "case_that_should_panic")]
mod case_that_should_panic;
#[cfg(case = "in_a_serial_module")]
mod in_a_serial_module;
#[cfg(case = "in_proptest")]
mod in_proptest;
#[cfg(case = "test_case_that_panics")]
mod test_case_that_panics;
