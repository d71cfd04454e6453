//! error: this case would pass if its program can't start, because a failed start panics, too; name the expected panic, as in `=> panics ".."`

use summon::summon;
use test_case::test_case;

#[summon(bin = "echo", tcp = "--port {port}")]
#[test_case(1)]
#[test_case(2 => panics; "with a name")]
fn panics(number: u32) {
    assert_eq!(number, 1);
}
