#[summon(output = ["my-worker", "-v"], banner = "^ready", times = 2, unless = "FATAL")]
#[test]
fn works() {}

// becomes

#[test]
fn works() {
    let executor_0 = ::summon::Coordinated::with(
            ["my-worker", "-v"],
            ::summon::probe::output("^ready"),
        )
        .times(2)
        .unless("FATAL");
    let _scope = match ::summon::__private::scope(
        ::core::concat!(::core::module_path!(), "::", ::core::stringify!(works)),
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
