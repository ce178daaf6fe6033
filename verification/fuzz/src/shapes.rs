use std::ops::RangeInclusive;
use std::sync::LazyLock;

use keyward::Mode;
use keyward::key::{Alphabet, KeyFault, KeyFormat, KeyKind};

pub(crate) const BASE62: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

pub(crate) struct Shape {
    pub(crate) format: KeyFormat,
    beginnings: Vec<(&'static str, KeyKind, Mode)>,
    characters: &'static str,
    lengths: RangeInclusive<usize>,
    pub(crate) has_checksum: bool,
}

const LETTERS: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

pub(crate) static SHAPES: LazyLock<Vec<Shape>> = LazyLock::new(|| {
    use KeyKind::{Publishable, Restricted, Secret};
    use Mode::{Live, Test};
    let existing = |beginnings: &[(&'static str, KeyKind, Mode)]| {
        beginnings
            .iter()
            .fold(KeyFormat::builder(), |builder, &(text, kind, mode)| builder.legacy_prefix(text, kind, mode))
    };
    let anyhow = vec![("", Secret, Live), ("test-", Secret, Test)];
    let nested = vec![("kw_", Secret, Live), ("kw_r_", Restricted, Live)];
    let underscores = vec![("my-company+", Secret, Live)];
    vec![
        Shape {
            format: KeyFormat::default(),
            beginnings: vec![
                ("kw_live_", Secret, Live),
                ("kw_test_", Secret, Test),
                ("kwr_live_", Restricted, Live),
                ("kwr_test_", Restricted, Test),
                ("kwp_live_", Publishable, Live),
                ("kwp_test_", Publishable, Test),
            ],
            characters: LETTERS,
            lengths: 26..=26,
            has_checksum: true,
        },
        Shape {
            format: existing(&anyhow).random_lengths(21..=22).without_checksum().build().unwrap(),
            beginnings: anyhow,
            characters: LETTERS,
            lengths: 21..=22,
            has_checksum: false,
        },
        Shape {
            format: existing(&nested)
                .alphabet(Alphabet::Hex)
                .random_lengths(28..=40)
                .without_checksum()
                .build()
                .unwrap(),
            beginnings: nested,
            characters: "0123456789abcdef",
            lengths: 28..=40,
            has_checksum: false,
        },
        Shape {
            format: existing(&underscores)
                .alphabet(Alphabet::Base64Url)
                .random_length(33)
                .without_checksum()
                .build()
                .unwrap(),
            beginnings: underscores,
            characters: "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_",
            lengths: 33..=33,
            has_checksum: false,
        },
    ]
});

impl Shape {
    pub(crate) fn chosen(data: &[u8]) -> Option<(&'static Self, &[u8])> {
        let (&first, rest) = data.split_first()?;
        // An ASCII digit selects the shape, so that seeds can be written by hand.
        SHAPES.get(usize::from(first) % 4).map(|shape| (shape, rest))
    }

    pub(crate) fn read(&self, token: &[u8]) -> Result<(KeyKind, Mode), KeyFault> {
        let end = if self.has_checksum { 6 } else { 0 };
        for &(beginning, kind, mode) in &self.beginnings {
            for length in self.lengths.clone() {
                let fits = token.len() == beginning.len() + length + end
                    && token.starts_with(beginning.as_bytes())
                    && token.iter().skip(beginning.len()).all(|byte| self.characters.as_bytes().contains(byte));
                if fits {
                    let (signed, checksum) = token.split_at(token.len() - end);
                    let holds = !self.has_checksum || checksum == slow_checksum(signed);
                    return if holds { Ok((kind, mode)) } else { Err(KeyFault::Checksum) };
                }
            }
        }
        Err(KeyFault::Malformed)
    }
}

pub(crate) fn slow_checksum(signed: &[u8]) -> Vec<u8> {
    let mut crc = u32::MAX;
    for &byte in signed {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    let crc = u64::from(!crc);
    (0..6_u32).rev().map(|place| BASE62[(crc / 62_u64.pow(place) % 62) as usize]).collect()
}

impl Shape {
    /// The text before and after the range could not be part of a key.
    pub(crate) fn stands_free(&self, text: &[u8], start: usize, end: usize) -> bool {
        let joins =
            |byte: Option<&u8>| byte.is_some_and(|byte| *byte == b'_' || self.characters.as_bytes().contains(byte));
        !joins(start.checked_sub(1).and_then(|before| text.get(before))) && !joins(text.get(end))
    }
}
