//! What an owner sends is taken apart into the same orders however it comes, or refused, and an
//! order is understood again when it is written again.
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

/// The frames of a stream that comes in pieces of one length, up to one that makes no sense.
fn frames(bytes: &[u8], piece: usize) -> Vec<Vec<u8>> {
    let mut inbox = Vec::new();
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
