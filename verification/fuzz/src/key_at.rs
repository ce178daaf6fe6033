//! The first byte selects the format.

use keyward::Mode;
use keyward::key::KeyKind;

use crate::shapes::Shape;

/// Checks the search for keys at every position against a slow search, and that an inserted key is found.
pub fn key_at(data: &[u8]) {
    let Some((shape, text)) = Shape::chosen(data) else { return };
    // The search tries every length at every position, so the text must be short.
    let text = &text[..text.len().min(300)];
    for at in 0..=text.len() + 1 {
        let found = shape.format.key_at(text, at).map(|key| (key.kind(), key.mode(), key.length()));
        assert_eq!(found, slow_key_at(shape, text, at), "at {at}");
    }
    if shape.has_checksum {
        let key = shape.format.generate(KeyKind::Secret, Mode::Live).unwrap().expose_once();
        let middle = text.len() / 2;
        let text = [&text[..middle], key.as_bytes(), &text[middle..]].concat();
        assert_eq!(shape.format.key_at(&text, middle).map(|found| found.length()), Some(key.len()));
    }
}

fn slow_key_at(shape: &Shape, text: &[u8], at: usize) -> Option<(KeyKind, Mode, usize)> {
    let rest = text.get(at..)?;
    let found = (0..=rest.len())
        .filter_map(|length| shape.read(&rest[..length]).ok().map(|(kind, mode)| (kind, mode, length)))
        .rfind(|&(.., length)| shape.has_checksum || shape.stands_free(text, at, at + length));
    assert!(found.is_none_or(|(.., length)| length <= shape.format.longest()));
    found
}
