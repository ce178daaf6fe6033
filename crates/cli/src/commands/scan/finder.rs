use std::io::{self, Read};

use aho_corasick::{AhoCorasick, Input, MatchKind};
use keyward_core::key::{KeyFormat, ParsedKey};
use memchr::{memchr_iter, memrchr};

/// Longer than any key.
const WINDOW: usize = 256 * 1024;

/// Searches for prefixes, and parses there.
pub(super) struct Finder {
    format: KeyFormat,
    beginnings: AhoCorasick,
}

/// From 1. Columns count bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) line: u64,
    pub(super) column: u64,
}

impl Finder {
    pub(super) fn new(format: &KeyFormat) -> Result<Self, aho_corasick::BuildError> {
        let beginnings = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostFirst)
            .build(format.beginnings().map(str::as_bytes))?;
        Ok(Self { format: format.clone(), beginnings })
    }

    /// Returns the number of bytes.
    pub(super) fn find(&self, mut input: impl Read, mut found: impl FnMut(Position, ParsedKey<'_>)) -> io::Result<u64> {
        // The window holds a whole key, and a character on both sides of it.
        let margin = self.format.longest() + 1;
        let mut window = Vec::with_capacity(WINDOW + 2 * margin);
        let mut place = Place { line: 1, column: 1, counted: 0 };
        let (mut from, mut total) = (0, 0);
        loop {
            let read = input.by_ref().take(WINDOW as u64).read_to_end(&mut window)?;
            total += read as u64;
            let is_end = read < WINDOW;
            let until = if is_end { window.len() } else { window.len() - margin };
            from = self.find_in(&window, from, until, |at, key| {
                place.advance(&window, at);
                found(Position { line: place.line, column: place.column }, key);
            });
            if is_end {
                return Ok(total);
            }
            // Keeps the byte before: a key without a checksum must stand apart from it.
            let done = from.saturating_sub(1);
            place.advance(&window, done.max(place.counted));
            place.counted -= done;
            window.drain(..done);
            from -= done;
        }
    }

    /// Names in the report may have keys.
    pub(super) fn redact(&self, text: &str) -> String {
        let (mut redacted, mut shown) = (String::new(), 0);
        self.find_in(text.as_bytes(), 0, text.len(), |at, key| {
            redacted += &format!("{}{}", text.get(shown..at).unwrap_or_default(), key.hint());
            shown = at + key.length();
        });
        redacted + text.get(shown..).unwrap_or_default()
    }

    /// Returns where to continue.
    fn find_in<'a>(
        &self,
        text: &'a [u8],
        mut from: usize,
        until: usize,
        mut found: impl FnMut(usize, ParsedKey<'a>),
    ) -> usize {
        // A key may begin within a prefix that begins none, so matches may overlap.
        while let Some(next) = self.beginnings.find(Input::new(text).range(from..)).filter(|next| next.start() < until)
        {
            from = match self.format.key_at(text, next.start()) {
                Some(key) => {
                    found(next.start(), key);
                    next.start() + key.length()
                }
                None => next.start() + 1,
            };
        }
        from.max(until)
    }
}

struct Place {
    line: u64,
    column: u64,
    counted: usize,
}

impl Place {
    fn advance(&mut self, text: &[u8], to: usize) {
        let passed = &text[self.counted..to];
        match memrchr(b'\n', passed) {
            None => self.column += passed.len() as u64,
            Some(last) => {
                self.line += memchr_iter(b'\n', passed).count() as u64;
                self.column = (passed.len() - last) as u64;
            }
        }
        self.counted = to;
    }
}

#[cfg(test)]
mod tests {
    use keyward_core::Mode;
    use keyward_core::key::KeyKind;

    use super::*;

    /// A few bytes at a time, as pipes do.
    struct Trickle<'a>(&'a [u8], usize);

    impl Read for Trickle<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let limit = self.1.min(out.len());
            self.0.read(&mut out[..limit])
        }
    }

    fn positions(finder: &Finder, text: &[u8], step: usize) -> Vec<(u64, u64)> {
        let mut positions = Vec::new();
        let total = finder.find(Trickle(text, step), |at, _| positions.push((at.line, at.column))).unwrap();
        assert_eq!(total, text.len() as u64);
        positions
    }

    fn key() -> String {
        KeyFormat::default().generate(KeyKind::Secret, Mode::Live).unwrap().expose_once().to_string()
    }

    #[test]
    fn lines_and_columns_are_counted_from_one() {
        let finder = Finder::new(&KeyFormat::default()).unwrap();
        let key = key();
        for (text, expected) in [
            (String::new(), &[][..]),
            (key.clone(), &[(1, 1)]),
            (format!("\n{key}{key}\r\n é{key}\n"), &[(2, 1), (2, 41), (3, 4)]),
            (format!("kw_live_kw_live_{key}"), &[(1, 17)]),
            (format!("kw_live_{}", &key[..30]), &[]),
        ] {
            for step in [1, 7, WINDOW] {
                assert_eq!(positions(&finder, text.as_bytes(), step), expected, "{step} at a time");
            }
        }
    }

    #[test]
    fn a_name_is_shown_without_the_keys_in_it() {
        let finder = Finder::new(&KeyFormat::default()).unwrap();
        let key = key();
        let hint = format!("{}…{}", &key[..8], &key[36..]);
        assert_eq!(finder.redact(&format!("a/é{key}/{key}.txt")), format!("a/é{hint}/{hint}.txt"));
        assert_eq!(finder.redact("a/b"), "a/b");
    }

    #[test]
    fn a_key_across_the_edge_of_a_window_is_found_once() {
        let finder = Finder::new(&KeyFormat::default()).unwrap();
        let key = key();
        for edge in [WINDOW, 2 * WINDOW] {
            for start in edge - 2 * key.len()..=edge + 2 {
                // Lines of ten bytes, so that counting them goes across the edge as well.
                let mut text = b"123456789\n".repeat(start / 10 + 1);
                text.truncate(start);
                text.extend_from_slice(key.as_bytes());
                text.extend_from_slice(&[0xff; 100]);
                let expected = (start as u64 / 10 + 1, start as u64 % 10 + 1);
                assert_eq!(positions(&finder, &text, WINDOW), [expected], "at {start}");
            }
        }
    }
}
