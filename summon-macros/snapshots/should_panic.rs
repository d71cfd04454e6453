#[summon(simple = "sleep 100")]
#[test]
#[should_panic(expected = "as it should")]
fn panics() {
    panic!("as it should");
}

// becomes

#[test]
#[should_panic(expected = "as it should")]
fn panics() {
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
            ::summon::__private::skip_by_panic(&error, "as it should");
            ::summon::__private::report(&error);
            return;
        }
    };
    ::summon::__private::end_expected(
        _scope,
        ::summon::__private::catch(|| {
            panic!("as it should");
        }),
    )
}
