#[summon(exec = "postgres -p {port}", probe = "pg_isready -p {port}", stop_signal = Signal::INT)]
fn was_asked() {}

// becomes

fn was_asked() {
    let executor_0 = ::summon::Coordinated::with(
            "postgres -p {port}",
            ::summon::probe::exec("pg_isready -p {port}"),
        )
        .stop_signal(Signal::INT);
    let _scope = match ::summon::__private::scope(
        ::core::concat!(::core::module_path!(), "::", ::core::stringify!(was_asked)),
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
