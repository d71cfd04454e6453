//! error: cannot find value `echo` in this scope

use serial_test::serial;

#[serial]
mod in_turn {
    use summon::{Process, summon};

    #[summon(bin = "echo", tcp = "--port {port}")]
    #[test]
    fn answers(echo: &Process) {
        assert!(echo.is_running());
    }
}
