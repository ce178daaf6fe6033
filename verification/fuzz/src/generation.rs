//! A key format: a line of settings, then one prefix a line.

use keyward::Mode;
use keyward::key::{Alphabet, KeyFormat, KeyKind};

/// Checks that a valid format reads its own keys, and that the checksum detects a changed character. The settings are
/// five bytes: the alphabet, the checksum, the modes, and the smallest and largest number of random characters.
pub fn generation(data: &[u8]) {
    let mut lines = crate::lines(data);
    let Some(&[alphabet, checksum, modes, least, most]) = lines.next() else { return };
    let alphabet = [Alphabet::Base62, Alphabet::Hex, Alphabet::Base64Url][usize::from(alphabet) % 3];
    let mut builder = KeyFormat::builder().alphabet(alphabet).random_lengths(least.into()..=most.into());
    if checksum % 2 == 1 {
        builder = builder.without_checksum();
    }
    builder = match modes % 4 {
        0 => builder,
        1 => builder.only_mode(Mode::Test),
        _ => builder.implicit_mode(Mode::Live),
    };
    for (number, line) in lines.take(6).enumerate() {
        let text = String::from_utf8_lossy(line);
        let kind = KeyKind::ALL[number % 3];
        builder = match text.strip_prefix('=') {
            Some(existing) => builder.legacy_prefix(existing, kind, Mode::ALL[number % 2]),
            None => builder.prefix(text, kind),
        };
    }
    let Ok(format) = builder.build() else { return };
    for kind in KeyKind::ALL {
        for mode in Mode::ALL {
            let Ok(key) = format.generate(kind, mode) else { continue };
            let key = key.expose_once();
            let read = format.parse(key.as_bytes()).expect("a format reads the keys that it generates");
            assert_eq!((read.kind(), read.mode()), (kind, mode));
            assert!(key.len() <= format.longest());
            assert_eq!(format.key_at(key.as_bytes(), 0).map(|found| found.length()), Some(key.len()));
            if checksum % 2 == 0 {
                let mut changed = key.as_bytes().to_vec();
                let last = changed.last_mut().unwrap();
                *last = if *last == b'0' { b'1' } else { b'0' };
                assert!(format.parse(&changed).is_err());
            }
        }
    }
}
