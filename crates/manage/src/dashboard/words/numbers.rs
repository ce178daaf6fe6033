//! Numbers, and the words that depend on them.

/// With commas between thousands.
pub(in crate::dashboard) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// "1,001 users", or "more than 10,000 users" if no more than `most` were counted.
pub(super) fn total(count: u64, most: u64, one: &str, many: &str) -> String {
    let more = if count > most { "more than " } else { "" };
    let count = number(count.min(most));
    format!("{more}{count} {}", plural(&count, one, many))
}

/// Chooses the words for a number as it is shown. A translation may need more forms than two.
pub(in crate::dashboard) fn plural<'a>(count: &str, one: &'a str, many: &'a str) -> &'a str {
    if count == "1" { one } else { many }
}
