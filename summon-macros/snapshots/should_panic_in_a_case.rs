#[summon(simple = "sleep 1000")]
#[rstest]
#[case(1)]
#[should_panic(expected = "as it should")]
#[case(2)]
fn one_of_two_panics(#[case] n: u32) {
    assert!(n == 1, "as it should");
}

// becomes

#[rstest]
#[case(1)]
#[should_panic(expected = "as it should")]
#[case(2)]
fn one_of_two_panics(#[case] n: u32) {
    let executor_0 = ::summon::Coordinated::with(
        "sleep 1000",
        ::summon::probe::started(),
    );
    let _scope = match ::summon::__private::scope(
        ::core::concat!(
            ::core::module_path!(), "::", ::core::stringify!(one_of_two_panics)
        ),
        [(::core::option::Option::None, &executor_0)],
        |error| ::summon::__private::fail_at_end(error),
    ) {
        ::core::result::Result::Ok(scope) => scope,
        ::core::result::Result::Err(error) => ::summon::__private::fail(&error),
    };
    assert!(n == 1, "as it should");
}
