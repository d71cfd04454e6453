//! The program that a developer runs beside an editor. The servers run until standard input ends.

use std::io::Read;

use summon::{Process, summon};
use summon_ecosystem::built;

#[summon(tcp = [&*built("echo"), "--port", "{port}"])]
fn main(echo: &Process) -> std::io::Result<()> {
    let pid = echo.id().expect("it runs");
    println!("process {pid} serves at {}", echo.addr());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
