//! One of two binaries that share a fixture with the type of its executor.

mod common;

#[path = "common/typed.rs"]
mod typed;

/// A fixture of the same package, name, and type, whose executor has another argument.
mod other {
    use summon::Fixture;

    use crate::common::use_it;
    use crate::typed::Store;

    #[summon::fixture(executor = Store::new("other"), scope = "run")]
    static STORE: Fixture<Store>;

    #[test]
    fn is_another_one() {
        use_it(&STORE);
    }
}
