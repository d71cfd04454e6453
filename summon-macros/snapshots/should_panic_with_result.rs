#[summon(simple = "sleep 100")]
#[test]
#[should_panic]
fn panics() -> Result<(), Error> {
    panic!("as it should");
}

// becomes

#[test]
#[should_panic]
fn panics() -> Result<(), Error> {
    let executor_0 = ::summon::Coordinated::with(
        "sleep 100",
        ::summon::probe::started(),
    );
    let _scope = match ::summon::__private::scope(
        ::core::concat!(::core::module_path!(), "::", ::core::stringify!(panics)),
        [(::core::option::Option::None, &executor_0)],
        |error| ::summon::__private::fail_at_end(error),
    ) {
        ::core::result::Result::Ok(scope) => ::summon::__private::expect_panic(scope),
        ::core::result::Result::Err(error) => {
            use ::summon::__private::Unmade as _;
            match ::summon::__private::Skipped::<Result<(), Error>>::by(&error).value() {
                ::core::option::Option::Some(value) => return value,
                ::core::option::Option::None => ::summon::__private::fail(&error),
            }
        }
    };
    let result: Result<(), Error> = ::summon::__private::call(|| -> Result<(), Error> {
        panic!("as it should");
    });
    {
        use ::summon::__private::Unknown as _;
        let returned = ::summon::__private::Returned(&result);
        if returned.is_failure() {
            ::summon::__private::has_failed(&_scope, returned.text());
        }
    }
    result
}
