//! A server that answers with its name: `greeter PORT NAME`.

fn main() {
    let mut args = std::env::args().skip(1);
    let port = args.next().expect("a port").parse().expect("a port");
    let name = args.next().expect("a name");
    panic!(
        "{}",
        summon_example_servers::serve(port, |_, _| Ok(format!("I am {name}.")))
    );
}
