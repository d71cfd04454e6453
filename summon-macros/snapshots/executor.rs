#[summon(executor = Mailhog::new(1025))]
#[summon(executor = SimpleExecutor::new("sleep 100"), arg = "1")]
fn sends(mailhog: &Mailhog, _: &Process) {}

// becomes

fn sends() {
    let executor_0 = Mailhog::new(1025);
    let executor_1 = SimpleExecutor::new("sleep 100").arg("1");
    let _scope = match ::summon::__private::scope(
        ::core::concat!(::core::module_path!(), "::", ::core::stringify!(sends)),
        [
            (::core::option::Option::Some("mailhog"), &executor_0),
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
    let mailhog: &Mailhog = &executor_0;
    let _: &Process = &executor_1;
}
