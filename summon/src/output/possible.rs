//! Whether a pattern can match a line at all. The macros read literals with this very file.

use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// Says why a pattern can match no line, if that is so.
pub(crate) fn why_never(pattern: &Hir) -> Option<&'static str> {
    if !can_match(pattern, &|byte| byte != b'\n' && byte != b'\r') {
        return Some(
            "matches no line, which has no line end in it: leave out `\\n` and `\\r`, or use `$`",
        );
    }
    if !can_match(pattern, &|byte| !is_left_out(byte)) {
        return Some(
            "matches no line, which is searched as a terminal shows it: without colours and other \
             control sequences",
        );
    }
    is_out_of_order(pattern).then_some(
        "matches no line: something must come before its beginning (`^`), or behind its end (`$`)",
    )
}

/// What a line that is shown never contains.
fn is_left_out(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r' | 0x08 | 0x0b | 0x0c | 0x1b)
}

/// Whether it matches anything that consists of such bytes, as far as those of ASCII are concerned.
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

/// Whether each match would have text before the beginning of the line or behind its end.
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
