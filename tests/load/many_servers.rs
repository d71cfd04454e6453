//! Two hundred tests, each with a server on a free port. `tests/run many` runs them on sixteen
//! threads, under both runners, while another process opens and closes ephemeral ports.

use std::io::Read;
use std::net::TcpStream;

use summon::{Process, summon};

const ACTOR: &str = env!("CARGO_BIN_EXE_actor");

macro_rules! tests {
    ($($hundreds:ident { $($name:ident)* })*) => {$(
        mod $hundreds {
            use super::*;
            $(
                #[summon(tcp = [ACTOR, "listen", "127.0.0.1:{port}"])]
                #[test]
                fn $name(server: &Process) {
                    let mut answer = String::new();
                    let mut stream = TcpStream::connect(server.addr()).unwrap();
                    stream.read_to_string(&mut answer).unwrap();
                    // The server is ours, and this is its first connection.
                    assert_eq!(answer, "1\n");
                }
            )*
        }
    )*};
    ($($hundreds:ident)*) => {
        tests! {$($hundreds {
            t00 t01 t02 t03 t04 t05 t06 t07 t08 t09 t10 t11 t12 t13 t14 t15 t16 t17 t18 t19
            t20 t21 t22 t23 t24 t25 t26 t27 t28 t29 t30 t31 t32 t33 t34 t35 t36 t37 t38 t39
        })*}
    };
}

tests!(a b c d e);
