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
    let executor_0 = ::summon::SimpleExecutor::new("sleep 100");
    let _scope = match ::summon::__private::scope([
        (::core::option::Option::None, &executor_0),
    ]) {
        ::core::result::Result::Ok(scope) => scope,
        ::core::result::Result::Err(error) => ::summon::__private::fail(&error),
    };
    panic!("as it should");
}
