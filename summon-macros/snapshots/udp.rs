#[summon(udp = "dnsmasq -k -p {port}", port = PORT)]
fn resolves() {}

// becomes

fn resolves() {
    let executor_0 = ::summon::Coordinated::with(
        "dnsmasq -k -p {port}",
        ::summon::probe::udp("localhost", PORT),
    );
    let _scope = match ::summon::__private::scope(
        ::core::concat!(::core::module_path!(), "::", ::core::stringify!(resolves)),
        [(::core::option::Option::None, &executor_0)],
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
}
