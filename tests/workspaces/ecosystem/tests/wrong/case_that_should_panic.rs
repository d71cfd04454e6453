//! error: this case would pass if its program can't start, because a failed start panics, too; name the expected panic, as in `#[should_panic(expected = "..")]`

use rstest::rstest;
use summon::summon;

#[summon(bin = "echo", tcp = "--port {port}")]
#[rstest]
#[case(1)]
#[should_panic]
#[case(2)]
fn panics(#[case] number: u32) {
    assert_eq!(number, 1);
}
