#[summon(tcp = "redis-server --port {port}", timeout = "5s", env("A", "b"), listener = "any")]
#[test]
fn answers(redis: &Process) {
    redis.port();
}

// becomes

#[test]
fn answers() {
    let executor_0 = ::summon::Coordinated::with(
            "redis-server --port {port}",
            ::summon::probe::tcp("localhost", 0u16),
        )
        .timeout("5s")
        .env("A", "b")
        .listener(::summon::probe::Listener::Any);
    let _scope = match ::summon::__private::scope(
        ::core::concat!(::core::module_path!(), "::", ::core::stringify!(answers)),
        [(::core::option::Option::Some("redis"), &executor_0)],
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
    let redis: &Process = &executor_0;
    redis.port();
}
