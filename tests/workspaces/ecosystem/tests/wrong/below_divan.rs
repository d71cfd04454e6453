//! error: expected 'args' option containing ''

use summon::{Process, summon};

#[divan::bench]
#[summon(bin = "echo", tcp = "--port {port}")]
fn asks(_bencher: divan::Bencher<'_, '_>, echo: &Process) {
    assert!(echo.is_running());
}
