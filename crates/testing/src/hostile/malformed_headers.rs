use super::{Case, Expected, Wire, invalid_key, invalid_request, missing};

pub(super) fn cases(key: &str) -> Vec<Case> {
    [accepted(key), schemes(key), several(key), wrapped(key), white_space(key), bytes(key), lengths(key)].concat()
}

fn table<'a>(expected: Expected, rows: impl IntoIterator<Item = (&'a str, String)>) -> Vec<Case> {
    rows.into_iter().map(|(name, field)| Case::with_field(name, field, expected)).collect()
}

/// RFC 9110 section 11.1: the scheme is case-insensitive.
fn accepted(key: &str) -> Vec<Case> {
    table(
        Expected::Accepted,
        [
            ("the correct form", format!("Bearer {key}")),
            ("the scheme in lower case", format!("bearer {key}")),
            ("the scheme in upper case", format!("BEARER {key}")),
            ("the scheme in mixed case", format!("bEaReR {key}")),
            ("several spaces after the scheme", format!("Bearer    {key}")),
            ("a tab after the scheme", format!("Bearer\t{key}")),
            ("spaces and tabs after the scheme", format!("Bearer \t \t {key}")),
            ("spaces before the scheme", format!("   Bearer {key}")),
            ("a tab before the scheme", format!("\tBearer {key}")),
            ("spaces after the key", format!("Bearer {key}   ")),
            ("a tab after the key", format!("Bearer {key}\t")),
        ],
    )
}

fn schemes(key: &str) -> Vec<Case> {
    let empty = missing("empty_credential");
    let other = missing("other_scheme");
    let mut cases = vec![Case::with_fields("no field", Vec::new(), missing("missing_credential"))];
    cases.extend(table(
        empty,
        [
            ("an empty field", String::new()),
            ("a field of spaces", "   ".into()),
            ("a field of tabs", "\t\t".into()),
            ("only Bearer", "Bearer".into()),
            ("only bearer", "bearer".into()),
            ("Bearer and a space", "Bearer ".into()),
            ("Bearer and a tab", "Bearer\t".into()),
            ("Bearer and many spaces", format!("Bearer{}", " ".repeat(100))),
        ],
    ));
    cases.extend(table(
        other,
        [
            ("only the key", key.into()),
            ("Basic", "Basic dXNlcjpwYXNzd29yZA==".into()),
            ("Basic with the key", format!("Basic {key}")),
            ("Digest", "Digest username=\"a\", realm=\"b\"".into()),
            ("Negotiate", "Negotiate YII=".into()),
            ("Token", format!("Token {key}")),
            ("ApiKey", format!("ApiKey {key}")),
            ("Api-Key", format!("Api-Key {key}")),
            ("DPoP", format!("DPoP {key}")),
            ("Bearer run together with the key", format!("Bearer{key}")),
            ("Bearer with a colon", format!("Bearer: {key}")),
            ("Bearer with an equals sign", format!("Bearer={key}")),
            ("Bearer with an underscore", format!("Bearer_ {key}")),
            ("Bearer with a slash", format!("Bearer/ {key}")),
            ("a letter too few", format!("Beare {key}")),
            ("a letter too many", format!("Bearerr {key}")),
            ("Bearer behind a comma", format!(",Bearer {key}")),
            ("a comma after the scheme", format!("Bearer, {key}")),
            ("Bearer behind a semicolon", format!(";Bearer {key}")),
            ("another scheme, then Bearer", format!("Basic a, Bearer {key}")),
            ("the field's name within its value", format!("Authorization: Bearer {key}")),
            ("a Cyrillic B", format!("\u{412}earer {key}")),
            ("a scheme in full-width letters", format!("\u{ff22}\u{ff45}\u{ff41}\u{ff52}\u{ff45}\u{ff52} {key}")),
            ("a no-break space after the scheme", format!("Bearer\u{a0}{key}")),
            ("an ideographic space after the scheme", format!("Bearer\u{3000}{key}")),
            ("a zero-width space in the scheme", format!("Bea\u{200b}rer {key}")),
            ("a byte order mark before the scheme", format!("\u{feff}Bearer {key}")),
            ("a percent-encoded space", format!("Bearer%20{key}")),
            ("a plus for a space", format!("Bearer+{key}")),
        ],
    ));
    cases
}

/// RFC 9110 section 5.3: a field with a single value may not be sent twice.
fn several(key: &str) -> Vec<Case> {
    let several = invalid_request("several_credentials");
    let good = format!("Bearer {key}").into_bytes();
    let fields = |fields: &[&[u8]]| fields.iter().map(|field| field.to_vec()).collect::<Vec<_>>();
    let mut cases: Vec<Case> = [
        ("the same field twice", fields(&[&good, &good])),
        ("a good field, then a bad one", fields(&[&good, b"Bearer nonsense"])),
        ("a bad field, then a good one", fields(&[b"Bearer nonsense", &good])),
        ("a good field, then another scheme", fields(&[&good, b"Basic dXNlcjpwYXNz"])),
        ("another scheme, then a good field", fields(&[b"Basic dXNlcjpwYXNz", &good])),
        ("an empty field, then a good one", fields(&[b"", &good])),
        ("a good field, then an empty one", fields(&[&good, b""])),
        ("two empty fields", fields(&[b"", b""])),
        ("three fields", fields(&[&good, &good, &good])),
        ("fifty fields", vec![good.clone(); 50]),
    ]
    .into_iter()
    .map(|(name, fields)| Case::with_fields(name, fields, several))
    .collect();
    cases.extend(table(
        invalid_request("credential_list"),
        [
            ("two keys in a list", format!("Bearer {key}, Bearer {key}")),
            ("two keys in a list without a space", format!("Bearer {key},Bearer {key}")),
            ("two tokens in a list", format!("Bearer {key},{key}")),
            ("Bearer, then another scheme", format!("Bearer {key}, Basic dXNlcjpwYXNz")),
            ("a comma after the key", format!("Bearer {key},")),
            ("a comma before the key", format!("Bearer ,{key}")),
            ("a comma for a space", format!("Bearer,{key}")),
            ("only a comma", "Bearer ,".into()),
        ],
    ));
    cases
}

fn wrapped(key: &str) -> Vec<Case> {
    table(
        invalid_request("quoted_credential"),
        [
            ("double quotes", format!("Bearer \"{key}\"")),
            ("single quotes", format!("Bearer '{key}'")),
            ("back-ticks", format!("Bearer `{key}`")),
            ("angle brackets", format!("Bearer <{key}>")),
            ("typographic double quotes", format!("Bearer \u{201c}{key}\u{201d}")),
            ("typographic single quotes", format!("Bearer \u{2018}{key}\u{2019}")),
            ("a quote only at the beginning", format!("Bearer \"{key}")),
            ("a quote only at the end", format!("Bearer {key}\"")),
            ("quotes with a space at their end", format!("Bearer \"{key} \"")),
            ("quotes with a space at their beginning", format!("Bearer \" {key}\"")),
            ("quotes with a tab at their end", format!("Bearer \"{key}\t\"")),
            ("quotes and nothing in them", "Bearer \"\"".into()),
            ("quotes around the whole value", format!("\"Bearer {key}\"")),
            ("single quotes around the whole value", format!("'Bearer {key}'")),
            ("a placeholder in angle brackets", "Bearer <YOUR_API_KEY>".into()),
        ],
    )
}

fn white_space(key: &str) -> Vec<Case> {
    let (start, end) = key.split_at(key.len() / 2);
    table(
        invalid_request("white_space_in_credential"),
        [
            ("a space within the key", format!("Bearer {start} {end}")),
            ("a tab within the key", format!("Bearer {start}\t{end}")),
            ("Bearer twice", format!("Bearer Bearer {key}")),
            ("the key twice", format!("Bearer {key} {key}")),
            ("a word after the key", format!("Bearer {key} please")),
            ("an escaped line feed after the key", format!("Bearer {key}\\n")),
            ("an escaped carriage return after the key", format!("Bearer {key}\\r")),
            ("an encoded space after the key", format!("Bearer {key}%20")),
            ("an encoded line feed after the key", format!("Bearer {key}%0A")),
            ("an encoded carriage return before the key", format!("Bearer %0d{key}")),
            ("a no-break space after the key", format!("Bearer {key}\u{a0}")),
            ("a no-break space before the key", format!("Bearer \u{a0}{key}")),
            ("a zero-width space after the key", format!("Bearer {key}\u{200b}")),
            ("a line separator after the key", format!("Bearer {key}\u{2028}")),
            ("an ideographic space after the key", format!("Bearer {key}\u{3000}")),
            ("a byte order mark before the key", format!("Bearer \u{feff}{key}")),
        ],
    )
}

fn bytes(key: &str) -> Vec<Case> {
    let with = |before: &[u8], after: &[u8]| [b"Bearer ", before, key.as_bytes(), after].concat();
    let control = |name: &str, field: Vec<u8>, wire| {
        Case::with_field(name, field, invalid_key("control_character")).on_the_wire(wire)
    };
    let (start, end) = key.split_at(key.len() / 2);
    let mut cases = vec![
        control("a null byte after the key", with(b"", b"\0"), Wire::Refused),
        control("a null byte before the key", with(b"\0", b""), Wire::Refused),
        control("a null byte within the key", with(start.as_bytes(), b"\0"), Wire::Refused),
        control("a null byte and text after it", with(b"", b"\0garbage"), Wire::Refused),
        control("start of heading", with(b"\x01", b""), Wire::Refused),
        control("a backspace", with(b"", b"\x08"), Wire::Refused),
        control("a vertical tab", with(b"", b"\x0b"), Wire::Refused),
        control("a form feed", with(b"", b"\x0c"), Wire::Refused),
        control("an escape sequence", with(b"\x1b[31m", b""), Wire::Refused),
        control("a delete character", with(b"", b"\x7f"), Wire::Refused),
        control("every other byte null, as in UTF-16", with(b"k\0w\0", b""), Wire::Refused),
        control("a line feed after the key", with(b"", b"\n"), Wire::CannotBe),
        control("a carriage return after the key", with(b"", b"\r"), Wire::CannotBe),
        control("a second field behind a line break", with(b"", b"\r\nX-Admin: 1"), Wire::CannotBe),
        control("a line feed within the key", format!("Bearer {start}\n{end}").into_bytes(), Wire::CannotBe),
    ];
    let other = |name: &str, field: Vec<u8>, reason| Case::with_field(name, field, invalid_key(reason));
    cases.extend([
        other("obs-text, the lowest", with(b"", b"\x80"), "non_ascii"),
        other("obs-text, the highest", with(b"\xff", b""), "non_ascii"),
        other("obs-text within the key", [b"Bearer ", start.as_bytes(), b"\xe9", end.as_bytes()].concat(), "non_ascii"),
        other("a Cyrillic k", format!("Bearer \u{43a}{}", &key[1..]).into_bytes(), "non_ascii"),
        other("full-width letters", format!("Bearer \u{ff4b}\u{ff57}{}", &key[2..]).into_bytes(), "non_ascii"),
        other("a combining accent", with(b"", "\u{301}".as_bytes()), "non_ascii"),
        other("a right-to-left override", with("\u{202e}".as_bytes(), b""), "non_ascii"),
        other("an emoji", "Bearer \u{1f511}".into(), "non_ascii"),
        other("UTF-8 of more bytes than needed", with(b"\xc1\xab", b""), "non_ascii"),
        other("half a UTF-8 sequence", with(b"", b"\xe2\x82"), "non_ascii"),
        other("a percent-encoded letter", format!("Bearer %6B{}", &key[1..]).into_bytes(), "bad_character"),
        other(
            "percent-encoded underscores",
            format!("Bearer {}", key.replace('_', "%5F")).into_bytes(),
            "bad_character",
        ),
        other("an encoded null byte", with(b"", b"%00"), "bad_character"),
        other("square brackets", format!("Bearer [{key}]").into_bytes(), "bad_character"),
        other("braces", format!("Bearer {{{key}}}").into_bytes(), "bad_character"),
        other("an unexpanded shell variable", "Bearer $API_KEY".into(), "bad_character"),
        other("a variable of a template", "Bearer ${API_KEY}".into(), "bad_character"),
        other("a semicolon after the key", with(b"", b";"), "bad_character"),
        other("a colon after the key", with(b"", b":"), "bad_character"),
        other("a star", "Bearer *".into(), "bad_character"),
        other("a quotation mark within the key", format!("Bearer {start}\"{end}").into_bytes(), "bad_character"),
        other("an apostrophe and SQL", with(b"", b"'--").to_vec(), "bad_character"),
        other("an ampersand and another parameter", with(b"", b"&admin=1"), "bad_character"),
    ]);
    cases
}

fn lengths(key: &str) -> Vec<Case> {
    let too_long = invalid_key("too_long");
    vec![
        Case::with_field(
            "the longest allowed token",
            format!("Bearer {}", "a".repeat(512)),
            invalid_key("malformed_key"),
        ),
        Case::with_field("one byte more than that", format!("Bearer {}", "a".repeat(513)), too_long),
        Case::with_field("4 KiB", format!("Bearer {}", "a".repeat(4 * 1024)), too_long),
        Case::with_field("4 KiB that begin with the key", format!("Bearer {key}{}", "0".repeat(4 * 1024)), too_long),
        Case::with_field("4 KiB of obs-text", [b"Bearer ".as_slice(), &[0xff; 4 * 1024]].concat(), too_long),
        Case::with_field("4 KiB of commas", format!("Bearer {}", ",".repeat(4 * 1024)), too_long),
        Case::with_field(
            "the key behind 4 KiB of spaces",
            format!("Bearer {}{key}", " ".repeat(4 * 1024)),
            Expected::Accepted,
        ),
        Case::with_field("a scheme of 4 KiB", format!("{} {key}", "B".repeat(4 * 1024)), missing("other_scheme")),
        Case::with_field("1 MiB", format!("Bearer {}", "a".repeat(1024 * 1024)), too_long).on_the_wire(Wire::Refused),
    ]
}
