#[summon(http = "my-api --port {port}", path = "/health", status = 200..400)]
#[summon(http = "my-api", url = "http://localhost:{port}/", name = "other")]
fn serves() {}

// becomes

fn serves() {
    let executor_0 = ::summon::Coordinated::with(
            "my-api --port {port}",
            ::summon::probe::http(::summon::__private::url("localhost", 0u16, "/health")),
        )
        .status(200..400);
    let executor_1 = ::summon::Coordinated::with(
            "my-api",
            ::summon::probe::http("http://localhost:{port}/"),
        )
        .named("other");
    let _scope = match ::summon::__private::scope(
        ::core::concat!(::core::module_path!(), "::", ::core::stringify!(serves)),
        [
            (::core::option::Option::None, &executor_0),
            (::core::option::Option::None, &executor_1),
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
}
