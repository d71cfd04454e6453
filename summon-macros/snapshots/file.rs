#[summon(file = "my-server", path = "{dir}/pid")]
fn has_written() {}

// becomes

fn has_written() {
    let executor_0 = ::summon::Coordinated::with(
        "my-server",
        ::summon::probe::file("{dir}/pid"),
    );
    let _scope = match ::summon::__private::scope(
        ::core::concat!(::core::module_path!(), "::", ::core::stringify!(has_written)),
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
