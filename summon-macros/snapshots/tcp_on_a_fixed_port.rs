#[summon(tcp = "redis-server --port 6379", host = "127.0.0.1", port = 6379, name = "cache")]
fn answers() {}

// becomes

fn answers() {
    let executor_0 = ::summon::Coordinated::with(
            "redis-server --port 6379",
            ::summon::probe::tcp("127.0.0.1", 6379),
        )
        .named("cache");
    let _scope = match ::summon::__private::scope(
        ::core::concat!(::core::module_path!(), "::", ::core::stringify!(answers)),
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
