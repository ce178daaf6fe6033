//! JSON of records: not nested deeper than it can be read.

use serde::de::DeserializeOwned;
use serde_json::Value;

/// The deepest value in an audit entry. serde_json reads 128 levels.
const DEEPEST: usize = 64;
/// Earlier versions wrote entries that were nested deeper than 128 levels, but never deeper than this.
const READABLE: usize = 256;

/// Reads a record, also one that is nested too deep for `serde_json::from_str`.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> serde_json::Result<T> {
    match serde_json::from_str(text) {
        Err(_) if (128..=READABLE).contains(&nesting(text)) => {
            let mut deserializer = serde_json::Deserializer::from_str(text);
            deserializer.disable_recursion_limit();
            T::deserialize(&mut deserializer)
        }
        result => result,
    }
}

/// Returns `true` if arrays and objects are nested deeper than this.
pub(crate) fn is_deeper(value: &Value, levels: usize) -> bool {
    let Some(below) = levels.checked_sub(1) else { return value.is_array() || value.is_object() };
    match value {
        Value::Array(values) => values.iter().any(|value| is_deeper(value, below)),
        Value::Object(fields) => fields.values().any(|value| is_deeper(value, below)),
        _ => false,
    }
}

/// Replaces what is nested too deep for an audit entry.
pub(crate) fn shallow(value: Value) -> Value {
    if is_deeper(&value, DEEPEST) { cut(value, DEEPEST) } else { value }
}

fn cut(value: Value, levels: usize) -> Value {
    let Some(below) = levels.checked_sub(1) else {
        let is_nested = value.is_array() || value.is_object();
        return if is_nested { Value::from("nested too deep to be recorded") } else { value };
    };
    match value {
        Value::Array(values) => values.into_iter().map(|value| cut(value, below)).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, cut(value, below))).collect(),
        other => other,
    }
}

fn nesting(text: &str) -> usize {
    let (mut deepest, mut depth, mut is_text, mut is_escaped) = (0_usize, 0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_text => is_escaped = true,
            b'"' => is_text = !is_text,
            b'[' | b'{' if !is_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !is_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(levels: usize) -> String {
        format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels))
    }

    #[test]
    fn depth_is_counted_outside_texts_only() {
        for (text, levels) in [("1", 0), ("[]", 1), (r#"{"a\"[[":[{"b":"[[["}]}"#, 3), (&nested(200), 200)] {
            assert_eq!(nesting(text), levels, "{text}");
        }
    }

    #[test]
    fn what_is_too_deep_is_cut_before_it_is_written_and_read_if_it_was_written() {
        for levels in [1, 64, 65, 127, 128, 200, 256] {
            let value: Value = read(&nested(levels)).unwrap();
            assert_eq!(is_deeper(&value, DEEPEST), levels > DEEPEST);
            let cut = shallow(value);
            assert!(!is_deeper(&cut, DEEPEST), "{levels}");
        }
        assert!(read::<Value>(&nested(257)).is_err(), "a deeper one could overflow the stack");
    }
}
