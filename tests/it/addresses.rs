//! A server is found at the address where it listens, and a report names the address if it is another one.

use std::net::TcpListener;
use std::process::Command;

use summon::{Coordinated, TcpCoordinatedExecutor, probe};

use crate::needs::needs;
use crate::support::{ACTOR, actor, ask, error_at_limit, tcp};

#[test]
fn a_stranger_on_the_other_family_of_localhost_counts() {
    let server = tcp(["await", "{dir}/go", "listen", "[::1]:{port}"], "localhost");
    let _stranger = TcpListener::bind(("127.0.0.1", server.port())).unwrap();
    std::fs::write(server.dir().join("go"), "").unwrap();
    let error = server.start().unwrap_err().to_string();
    assert!(
        error.contains("another process listens there: pid "),
        "{error}"
    );
}

#[test]
fn a_server_on_another_address_is_told() {
    let expected = "nothing listens there; it listens on 127.0.0.2:";
    let error = error_at_limit(expected, |limit| {
        let server = tcp(["listen", "127.0.0.2:{port}"], "127.0.0.1");
        server.timeout(limit).start().unwrap_err()
    });
    assert!(error.contains(expected), "{error}");
}

#[test]
fn a_server_is_found_wherever_a_client_reaches_it() {
    for at in ["::ffff:0.0.0.0", "::ffff:127.0.0.1", "::", "0.0.0.0"] {
        let at = format!("[{at}]:{{port}}").replace("[0.0.0.0]", "0.0.0.0");
        let server = TcpCoordinatedExecutor::new(actor(["listen", &at]), "127.0.0.1", 0);
        server.start().unwrap();
        assert_eq!(ask(server.addr()), "1", "{at}");
        let server = Coordinated::with(actor(["udp", &at]), probe::udp("127.0.0.1", 0));
        server.start().unwrap();
    }
    for host in ["127.0.0.2", "::ffff:127.0.0.1", "app.localhost"] {
        let script = actor(["listen", "[::]:{port}"]);
        let server = TcpCoordinatedExecutor::new(script, host, 0);
        server.start().unwrap();
        assert_eq!(ask(server.addr()), "1", "{host}");
    }
}

#[test]
fn a_server_at_one_interface_is_found_there() {
    for protocol in ["tcp", "udp"] {
        let script = || actor(["on-lo", protocol, "0.0.0.0:{port}"]);
        match protocol {
            "tcp" => TcpCoordinatedExecutor::new(script(), "localhost", 0).start(),
            _ => Coordinated::with(script(), probe::udp("127.0.0.1", 0)).start(),
        }
        .unwrap();
    }
}

#[test]
fn a_server_at_a_link_local_address_is_found_at_its_interface() {
    needs!(interfaces);
    // Two interfaces have the same address, and the server uses only one interface.
    let set_up = "ip link set lo up
        ip link add one type veth peer name two
        for name in one two; do
            ip link set $name up
            ip address add fe80::7/64 dev $name nodad
        done
        exec \"$0\" --exact addresses::run_by_another_among_interfaces --ignored";
    let run = Command::new("unshare")
        .args(["-rn", "sh", "-ec", set_up])
        .arg(std::env::current_exe().unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    let complained = String::from_utf8_lossy(&run.stderr);
    assert!(
        run.status.success() && said.contains("1 passed"),
        "{said}\n{complained}"
    );
}

#[test]
#[ignore = "another test runs it, where there are two interfaces"]
fn run_by_another_among_interfaces() {
    let table = std::fs::read_to_string("/proc/net/if_inet6").unwrap();
    let index = |name: &str| {
        let mut lines = table.lines().map(str::split_ascii_whitespace);
        let line = lines.find(|fields| fields.clone().any(|field| field == name));
        let index = line.and_then(|mut fields| fields.nth(1)).unwrap();
        u32::from_str_radix(index, 16).unwrap()
    };
    let script = actor(["listen", &format!("[fe80::7%{}]:{{port}}", index("one"))]);
    let server = TcpCoordinatedExecutor::new(script.clone(), "fe80::7%one", 0);
    server.start().unwrap();
    assert_eq!(ask(server.addr()), "1");
    let other = TcpCoordinatedExecutor::new(script, "fe80::7%two", 0).timeout("5s");
    let error = other.start().unwrap_err().to_string();
    let expected = "nothing listens there; it listens on [fe80::7%one]:";
    assert!(error.contains(expected), "{error}");
    // A server bound to every address of one interface is not reachable on another interface.
    let server = tcp(["on-lo", "tcp", "0.0.0.0:{port}"], "127.0.0.1");
    server.start().unwrap();
}

#[test]
fn all_addresses_where_it_listens_instead_are_told() {
    let listens = |count: usize| {
        let words = [
            "127.0.0.2",
            "127.0.0.3",
            "127.0.0.4",
            "127.0.0.5",
            "127.0.0.6",
        ];
        let words = words.iter().take(count);
        let mut script = vec![ACTOR.to_owned()];
        words.for_each(|ip| script.extend(["listen".to_owned(), format!("{ip}:{{port}}")]));
        script
    };
    let server = TcpCoordinatedExecutor::new(listens(5), "127.0.0.1", 0).timeout("5s");
    let port = server.port();
    let error = server.start().unwrap_err().to_string();
    let expected = format!(
        "nothing listens there; it listens on 127.0.0.2:{port}, 127.0.0.3:{port}, \
         127.0.0.4:{port}, 127.0.0.5:{port}, and 1 more ("
    );
    assert!(error.contains(&expected), "{error}");
    assert!(error.contains("set `host = \"127.0.0.2\"`"), "{error}");
}

#[test]
fn the_hint_names_the_host_at_which_a_client_reaches_it() {
    for (host, at, reached) in [
        ("::1", "127.0.0.1", "127.0.0.1"),
        ("::1", "0.0.0.0", "127.0.0.1"),
        ("::1", "[::ffff:0.0.0.0]", "127.0.0.1"),
        ("::1", "[::ffff:127.0.0.2]", "127.0.0.2"),
        ("127.0.0.1", "[::1]", "::1"),
    ] {
        let hint = format!("set `host = \"{reached}\"`");
        let script = actor(["listen", &format!("{at}:{{port}}")]);
        let error = error_at_limit(&hint, |limit| {
            let server = TcpCoordinatedExecutor::new(script.clone(), host, 0);
            server.timeout(limit).start().unwrap_err()
        });
        assert!(error.contains(&hint), "{at}: {error}");
    }
}

#[test]
fn a_host_with_a_port_or_a_scheme_is_refused() {
    for host in ["localhost:80", "http://localhost", "127.0.0.1/8"] {
        let server = TcpCoordinatedExecutor::new("no-such-program", host, 0);
        let error = server.start().unwrap_err().to_string();
        let expected = format!("`{host}` is not a host: write a name or an address");
        assert!(error.contains(&expected), "{error}");
    }
}

#[test]
fn a_server_in_another_network_is_told() {
    needs!(namespaces);
    let script = ["unshare", "-rn", ACTOR, "listen", "0.0.0.0:{port}"];
    let expected = "it listens, but in another network namespace";
    let error = error_at_limit(expected, |limit| {
        let server = TcpCoordinatedExecutor::new(script, "localhost", 0);
        server.timeout(limit).start().unwrap_err()
    });
    assert!(error.contains(expected), "{error}");
}
