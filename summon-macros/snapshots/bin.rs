#[summon(bin = "my-server", http = "--listen {port}", path = "/up")]
#[summon(simple = "", example = "other")]
fn uses_its_own() {}

// becomes

fn uses_its_own() {
    let executor_0 = ::summon::Coordinated::with(
        ::summon::__private::bin(
            "my-server",
            ::core::env!("CARGO_BIN_EXE_my-server"),
            "--listen {port}",
        ),
        ::summon::probe::http(::summon::__private::url("localhost", 0u16, "/up")),
    );
    let executor_1 = ::summon::Coordinated::with(
        ::summon::__private::example("other", ""),
        ::summon::probe::started(),
    );
    let _scope = match ::summon::__private::scope(
        ::core::concat!(::core::module_path!(), "::", ::core::stringify!(uses_its_own)),
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
