#[summon(simple = "sleep 100")]
fn sleeps(sleeper: &Process) {
    assert!(sleeper.is_running());
}

// becomes

fn sleeps() {
    let executor_0 = ::summon::Coordinated::with(
        "sleep 100",
        ::summon::probe::started(),
    );
    let _scope = match ::summon::__private::scope(
        ::core::concat!(::core::module_path!(), "::", ::core::stringify!(sleeps)),
        [(::core::option::Option::Some("sleeper"), &executor_0)],
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
    let sleeper: &Process = &executor_0;
    assert!(sleeper.is_running());
}
