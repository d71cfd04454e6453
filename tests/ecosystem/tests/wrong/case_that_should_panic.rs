//! error: a program that can't be started would pass this case, while others fail: say what its panic says, `#[should_panic(expected = "..")]`

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
