//! Shows summon in one run: starts two servers, uses them, and stops them. The second server needs
//! the first.
//!
//! Run it with `cargo run --example quickstart`. The program is also its own server: the first
//! argument `stock` or `shop` selects one.

#[path = "quickstart/servers.rs"]
mod servers;

use std::error::Error;
use std::net::TcpStream;
use std::time::Instant;

use summon::{HttpCoordinatedExecutor, TcpCoordinatedExecutor, orchestrated};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match &words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["stock", port] => servers::stock(port),
        ["shop", port, stock] => servers::shop(port, stock),
        _ => tour(),
    }
}

fn tour() -> Result<(), Box<dyn Error>> {
    let me = std::env::current_exe()?;
    let me = me.to_str().ok_or("this program's path is not UTF-8")?;

    // A test would write this as an attribute. This program uses the constructors.
    let stock = TcpCoordinatedExecutor::new([me, "stock", "{port}"], "localhost", 0).named("stock");
    let shop = HttpCoordinatedExecutor::new(
        [me, "shop", "{port}", "{stock.port}"],
        "http://localhost:{port}/health",
    )
    .named("shop");

    println!("Starting `shop`, which needs `stock`, which takes 300 ms to boot ..");
    let began = Instant::now();
    let scope = orchestrated((&stock, &shop))?;
    println!(
        "both are ready after {:.0?}, in that order:",
        began.elapsed()
    );
    for process in [&*stock, &*shop] {
        println!(
            "  {} listens on {}, pid {}",
            process.name(),
            process.addr(),
            process.id().expect("it runs")
        );
    }

    let answer = servers::get(shop.addr(), "/price/tea")?;
    println!("`GET {}` answers: {answer}", shop.url("/price/tea"));
    stock.wait_for_output("asked for tea", "5s")?;
    print!("meanwhile `stock` wrote:\n{}", indented(&stock.output()));

    let addrs = [stock.addr(), shop.addr()];
    let dirs = [stock.dir().to_owned(), shop.dir().to_owned()];
    let began = Instant::now();
    drop(scope);
    println!(
        "The scope ends: both are stopped after {:.0?}, `shop` first.",
        began.elapsed()
    );
    drop((stock, shop));
    for addr in addrs {
        let is_there = TcpStream::connect(addr).is_ok();
        println!("  the server on {addr} is {}", gone(is_there));
    }
    for dir in dirs {
        println!("  {} is {}", dir.display(), gone(dir.exists()));
    }
    Ok(())
}

fn gone(is_there: bool) -> &'static str {
    match is_there {
        true => "STILL THERE",
        false => "gone",
    }
}

fn indented(output: &[u8]) -> String {
    let lines = String::from_utf8_lossy(output);
    lines.lines().map(|line| format!("  | {line}\n")).collect()
}
