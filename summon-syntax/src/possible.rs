//! Finds regular expressions that can match no line.

use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// Explains why a pattern can match no line. Returns `None` if it can match one.
pub(crate) fn why_never(pattern: &Hir) -> Option<&'static str> {
    if !can_match(pattern, &|byte| byte != b'\n' && byte != b'\r') {
        return Some(
            "matches no line, because a line has no line end in it: remove `\\n` and `\\r`, or use `$`",
        );
    }
    if !can_match(pattern, &|byte| !is_removed(byte)) {
        return Some(
            "matches no line, because summon removes colours and other control sequences before the \
             search: remove them here too",
        );
    }
    is_out_of_order(pattern).then_some(
        "matches no line, because it wants text before the start of the line (`^`) or behind its end \
         (`$`): move the anchor",
    )
}

/// Lists the control characters that summon removes from lines.
fn is_removed(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r' | 0x08 | 0x0b | 0x0c | 0x1b)
}

/// Checks whether a pattern can match text of allowed bytes. All bytes beyond ASCII are allowed.
fn can_match(hir: &Hir, may_be: &dyn Fn(u8) -> bool) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => true,
        HirKind::Literal(literal) => literal.0.iter().all(|byte| may_be(*byte)),
        HirKind::Class(Class::Unicode(class)) => class.ranges().iter().any(|range| {
            !range.end().is_ascii() || (range.start() as u8..=range.end() as u8).any(may_be)
        }),
        HirKind::Class(Class::Bytes(class)) => class
            .ranges()
            .iter()
            .any(|range| (range.start()..=range.end()).any(may_be)),
        HirKind::Repetition(repetition) => {
            repetition.min == 0 || can_match(&repetition.sub, may_be)
        }
        HirKind::Capture(capture) => can_match(&capture.sub, may_be),
        HirKind::Concat(parts) => parts.iter().all(|part| can_match(part, may_be)),
        HirKind::Alternation(parts) => parts.iter().any(|part| can_match(part, may_be)),
    }
}

/// Checks whether each match would need text before the start of the line or behind its end.
fn is_out_of_order(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) | HirKind::Literal(_) | HirKind::Class(_) => false,
        HirKind::Repetition(repetition) => repetition.min > 0 && is_out_of_order(&repetition.sub),
        HirKind::Capture(capture) => is_out_of_order(&capture.sub),
        HirKind::Alternation(parts) => parts.iter().all(is_out_of_order),
        HirKind::Concat(parts) => {
            let is_text = |part: &Hir| part.properties().minimum_len() > Some(0);
            let asks = |part: &Hir, of: &[Look], is_prefix: bool| {
                let properties = part.properties();
                let looks = match is_prefix {
                    true => properties.look_set_prefix(),
                    false => properties.look_set_suffix(),
                };
                of.iter().any(|look| looks.contains(*look))
            };
            let starts = [Look::Start, Look::StartLF, Look::StartCRLF];
            let ends = [Look::End, Look::EndLF, Look::EndCRLF];
            parts.iter().any(is_out_of_order)
                || parts.iter().enumerate().any(|(at, part)| {
                    asks(part, &starts, true) && parts[..at].iter().any(is_text)
                        || asks(part, &ends, false) && parts[at + 1..].iter().any(is_text)
                })
        }
    }
}
