#[summon(bin = "my-server", tcp = "--id {index} --listen {port} --peers {peers}", nodes = 3, env("A", "b"), setup = join)]
#[summon(simple = "gateway --backends {my-server.peers} --first {my-server-0.port:admin}", after = "my-server-2")]
#[test]
fn agrees(nodes: &Cluster, gateway: &Process) {
    nodes[0].port();
}

// becomes

#[test]
fn agrees() {
    let executor_0 = ::summon::__private::SetUp::new(
        ::summon::Coordinated::with(
                ::summon::__private::bin(
                    "my-server",
                    ::core::env!("CARGO_BIN_EXE_my-server"),
                    "--id {index} --listen {port} --peers {peers}",
                ),
                ::summon::probe::tcp("localhost", 0u16),
            )
            .env("A", "b")
            .nodes(3),
        |executor| {
            let executor: &::summon::Cluster = executor;
            ::summon::__private::set_up(
                executor,
                join,
                |error| {
                    use ::summon::__private::{OfBox as _, OfDisplay as _, OfError as _};
                    (&&&::summon::__private::Foreign(error)).text()
                },
            )
        },
    );
    let executor_1 = ::summon::Coordinated::with(
            "gateway --backends {my-server.peers} --first {my-server-0.port:admin}",
            ::summon::probe::started(),
        )
        .after("my-server-2");
    let _scope = match ::summon::__private::scope(
        ::core::concat!(::core::module_path!(), "::", ::core::stringify!(agrees)),
        [
            (::core::option::Option::Some("nodes"), &executor_0),
            (::core::option::Option::Some("gateway"), &executor_1),
        ],
        |error| ::summon::__private::fail_at_end(error),
    ) {
        ::core::result::Result::Ok(scope) => scope,
        ::core::result::Result::Err(error) => {
            use ::summon::__private::Unmade as _;
            match ::summon::__private::Skipped::<()>::by(&error).value() {
                ::core::option::Option::Some(value) => return value,
                ::core::option::Option::None => ::summon::__private::fail(&error),
            }
        }
    };
    let nodes: &Cluster = &executor_0;
    let gateway: &Process = &executor_1;
    nodes[0].port();
}
