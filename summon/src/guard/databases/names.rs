//! The names of the tests' databases.

/// The length of an identifier: 63 in PostgreSQL (`NAMEDATALEN` - 1), 64 in MariaDB.
const LONGEST: usize = 63;

/// Returns the name of the database for a test: the test's name, shortened, and the
/// number of its clone. It needs no
/// quotes, neither in `psql` nor in a URL.
pub(super) fn of_test(test: &str, clone: &str) -> String {
    let number = clone.rfind('_').map_or("", |at| &clone[at..]);
    let mut name = String::new();
    for letter in test.chars() {
        match letter.to_ascii_lowercase() {
            letter @ ('a'..='z' | '0'..='9') => name.push(letter),
            _ if name.ends_with('_') || name.is_empty() => {}
            _ => name.push('_'),
        }
    }
    let name = name.trim_end_matches('_');
    let mut name = match name.chars().next() {
        None => "test".to_owned(),
        Some('0'..='9') => format!("t{name}"),
        Some(_) => name.to_owned(),
    };
    name.truncate(LONGEST - number.len());
    name + number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_begins_with_the_test_and_needs_no_quotes() {
        for (test, name) in [
            ("orders::adds_one", "orders_adds_one_7"),
            ("Größe::case_1", "gr_e_case_1_7"),
            ("2::b", "t2_b_7"),
            ("::", "test_7"),
            ("", "test_7"),
        ] {
            assert_eq!(of_test(test, "summon_clone_7"), name);
        }
        let long = of_test(&"a".repeat(100), "summon_clone_1234");
        assert_eq!((long.len(), long.ends_with("a_1234")), (63, true));
        let most = format!("summon_clone_{}", u64::MAX);
        assert!(of_test(&"ü".repeat(100), &most).len() <= 63);
    }
}
