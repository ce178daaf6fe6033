use keyward::store::Cursor;

/// Checks that each cursor has only one text.
pub fn cursor(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(cursor) = text.parse::<Cursor>() {
        assert_eq!(cursor.to_string(), text);
        assert_eq!(cursor.created_at.to_string().parse(), Ok(cursor.created_at));
    }
}
