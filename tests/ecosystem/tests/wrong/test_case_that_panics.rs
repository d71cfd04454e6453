//! error: a program that can't be started would pass this case, while others fail: say what its panic says, `=> panics ".."`

use summon::summon;
use test_case::test_case;

#[summon(bin = "echo", tcp = "--port {port}")]
#[test_case(1)]
#[test_case(2 => panics; "with a name")]
fn panics(number: u32) {
    assert_eq!(number, 1);
}
