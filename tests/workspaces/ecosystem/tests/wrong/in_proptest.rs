//! error: the trait bound `&Process: Arbitrary` is not satisfied

use proptest::prelude::*;
use summon::{Process, summon};

proptest! {
    #[summon(bin = "echo", tcp = "--port {port}")]
    #[test]
    fn answers(echo: &Process) {
        assert!(echo.is_running());
    }
}
