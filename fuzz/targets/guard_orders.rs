//! Checks that an owner's bytes give the same orders in pieces of any length, or are refused, and
//! that writing and reading an order again gives the same order.
#![no_main]

use libfuzzer_sys::fuzz_target;
use summon::fuzzing::guard;

fuzz_target!(|bytes: &[u8]| {
    let whole = frames(bytes, bytes.len());
    assert_eq!(frames(bytes, 1), whole);
    assert_eq!(frames(bytes, 7), whole);
    let read: usize = whole.iter().map(|frame| guard::frame(frame).len()).sum();
    assert_eq!(
        whole
            .iter()
            .flat_map(|it| guard::frame(it))
            .collect::<Vec<_>>(),
        &bytes[..read]
    );
    for frame in whole.iter().map(Vec::as_slice).chain([bytes]) {
        if let Some(order) = guard::order(frame) {
            assert!(order.len() <= 4 * frame.len());
            assert_eq!(guard::order(&order).as_ref(), Some(&order));
        }
    }
});

/// Returns the frames of a stream in pieces of one length, up to the first invalid frame.
fn frames(bytes: &[u8], piece: usize) -> Vec<Vec<u8>> {
    let mut inbox = std::collections::VecDeque::new();
    let mut frames = Vec::new();
    for piece in bytes.chunks(piece.max(1)) {
        inbox.extend(piece);
        loop {
            match guard::take_frame(&mut inbox) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(_) => return frames,
            }
        }
    }
    frames
}
