#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use super::format::{KeyFormat, ParsedKey};

impl KeyFormat {
    /// Returns beginnings such as `kw_live_`, at which to call [`key_at`](Self::key_at).
    pub fn beginnings(&self) -> impl Iterator<Item = &str> {
        self.leads.iter().map(|lead| &*lead.text)
    }

    /// Returns the longest key's length.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.beginnings().map(str::len).max().unwrap_or(0).saturating_add(*self.body_lengths.end())
    }

    /// Returns the key that begins at `text[at]`.
    ///
    /// Without a checksum, no character that a key can contain may surround it.
    ///
    /// # Examples
    /// ```
    /// use keyward::key::{KeyFormat, KeyKind};
    /// use keyward::Mode;
    ///
    /// let format = KeyFormat::default();
    /// let key = format.generate(KeyKind::Secret, Mode::Live)?;
    /// let hint = key.hint();
    /// let text = format!("curl https://api.example/?key={}&page=2", *key.expose_once());
    /// let at = text.find("kw_live_").unwrap();
    /// assert_eq!(format.key_at(text.as_bytes(), at).unwrap().hint(), hint);
    /// assert!(format.key_at(text.as_bytes(), at + 1).is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn key_at<'a>(&self, text: &'a [u8], at: usize) -> Option<ParsedKey<'a>> {
        let rest = text.get(at..)?;
        let keys = self.leads.iter().filter(|lead| rest.starts_with(lead.text.as_bytes())).filter_map(|lead| {
            let body = match self.checksum {
                true => *self.body_lengths.end(),
                false => rest.iter().skip(lead.text.len()).take_while(|&&byte| self.alphabet.holds(byte)).count(),
            };
            let end = lead.text.len().saturating_add(body);
            let key = self.parse(rest.get(..end)?).ok()?;
            (self.checksum || self.stands_free(text, at, at.saturating_add(end))).then_some(key)
        });
        // The beginning of a key can itself have the form of a shorter key.
        keys.max_by_key(ParsedKey::length)
    }

    fn stands_free(&self, text: &[u8], start: usize, end: usize) -> bool {
        let joins = |byte: Option<&u8>| byte.is_some_and(|&byte| byte == b'_' || self.alphabet.holds(byte));
        !joins(start.checked_sub(1).and_then(|before| text.get(before))) && !joins(text.get(end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{KeyKind, Mode};

    fn found(format: &KeyFormat, text: &str) -> Vec<usize> {
        (0..=text.len()).filter(|&at| format.key_at(text.as_bytes(), at).is_some()).collect()
    }

    #[test]
    fn a_key_with_a_checksum_is_found_wherever_it_stands() {
        let format = KeyFormat::default();
        for kind in KeyKind::ALL {
            for mode in Mode::ALL {
                let key = format.generate(kind, mode).unwrap().expose_once();
                let around = [("", ""), ("KEY=", "\n"), ("\\n", "n"), ("é", "é"), ("_", "_"), ("kw_live_", "0")];
                for (before, after) in around {
                    assert_eq!(found(&format, &format!("{before}{}{after}", *key)), [before.len()]);
                }
                let mut typo = key.to_string();
                let last = typo.pop().unwrap();
                typo.push(if last == 'a' { 'b' } else { 'a' });
                assert!(found(&format, &typo).is_empty());
                assert!(found(&format, &key[..key.len() - 1]).is_empty());
            }
        }
    }

    #[test]
    fn without_a_checksum_a_key_has_to_stand_free() {
        let format =
            KeyFormat::builder().prefix("vpk", KeyKind::Secret).without_checksum().random_length(32).build().unwrap();
        let key = format!("vpk_live_{}", "a1".repeat(16));
        for (before, after, is_found) in [
            ("", "", true),
            ("\"", "\"", true),
            ("=", "&", true),
            ("x", "", false),
            ("", "b", false),
            ("", "_x", false),
        ] {
            assert_eq!(
                found(&format, &format!("{before}{key}{after}")).len(),
                usize::from(is_found),
                "{before}{after}"
            );
        }
    }

    #[test]
    fn a_key_of_any_length_ends_where_its_characters_do() {
        let format = KeyFormat::builder()
            .legacy_prefix("acme_", KeyKind::Secret, Mode::Live)
            .random_lengths(21..=22)
            .without_checksum()
            .build()
            .unwrap();
        for (length, is_found) in [(20, false), (21, true), (22, true), (23, false)] {
            let text = format!("'acme_{}'", "a1".repeat(12).get(..length).unwrap());
            assert_eq!(found(&format, &text).len(), usize::from(is_found), "{text}");
        }
    }

    #[test]
    fn a_beginning_that_looks_like_a_key_hides_none() {
        let beginning = "a1".repeat(11) + "-";
        let format = KeyFormat::builder()
            .legacy_prefix("", KeyKind::Secret, Mode::Live)
            .legacy_prefix(&beginning, KeyKind::Secret, Mode::Test)
            .random_length(22)
            .without_checksum()
            .build()
            .unwrap();
        let key = beginning + &"b2".repeat(11);
        assert_eq!(format.key_at(key.as_bytes(), 0).unwrap().length(), key.len());
    }

    #[test]
    fn a_beginning_within_another_hides_no_key() {
        let format =
            KeyFormat::builder().prefix("my_kw", KeyKind::Secret).prefix("kw", KeyKind::Restricted).build().unwrap();
        let inner = format.generate(KeyKind::Restricted, Mode::Live).unwrap().expose_once();
        assert_eq!(found(&format, &format!("my_{}", *inner)), [3]);
        let outer = format.generate(KeyKind::Secret, Mode::Live).unwrap().expose_once();
        assert_eq!(found(&format, &outer), [0]);
        assert_eq!(format.longest(), outer.len());
    }
}
