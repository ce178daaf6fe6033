//! The first byte selects the format.

use keyward::key::Hint;

use crate::shapes::Shape;

/// Checks the parsing of a token against a slow parser.
pub fn key(data: &[u8]) {
    let Some((shape, token)) = Shape::chosen(data) else { return };
    let read = shape.format.parse(token);
    assert_eq!(read.as_ref().map(|key| (key.kind(), key.mode())).map_err(|fault| *fault), shape.read(token));
    if let Ok(key) = read {
        assert!(shape.format.recognises(token));
        assert_eq!(key.length(), token.len());
        let hint = key.hint();
        let text = std::str::from_utf8(token).unwrap();
        assert_eq!((hint.first(), hint.last()), (&text[..8], &text[text.len() - 4..]));
        assert_eq!(hint.as_str().parse::<Hint>(), Ok(hint));
    }
}
