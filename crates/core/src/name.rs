//! Rules for names.
//!
//! # Examples
//! ```
//! use keyward::name::{NameError, check_name};
//!
//! assert_eq!(check_name(" production "), Ok("production"));
//! assert_eq!(check_name("   "), Err(NameError::Blank));
//! ```

use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

/// The longest name, in characters.
pub const MAX_NAME_LENGTH: usize = 100;

/// They show nothing.
const BLANK: [char; 5] = ['\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}', '\u{2800}'];
/// For emoji and several scripts.
const JOINERS: [char; 2] = ['\u{200c}', '\u{200d}'];

/// Why a text is no name.
///
/// # Examples
/// ```
/// use keyward::name::{NameError, check_name};
///
/// assert_eq!(check_name("pro\u{202e}duction").unwrap_err(), NameError::Character('\u{202e}'));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// No character is visible.
    #[error("expected at least one visible character")]
    Blank,
    /// The text has this many characters.
    #[error("expected at most {MAX_NAME_LENGTH} characters, not {0}")]
    TooLong(usize),
    /// This character is invisible or has no meaning.
    #[error("the character U+{:04X} is invisible or has no meaning: remove it", u32::from(*.0))]
    Character(char),
}

/// Checks a name, and returns it trimmed.
///
/// It has 1 to [`MAX_NAME_LENGTH`] characters that [`check_text`] allows, and one is visible.
///
/// # Errors
/// [`NameError`].
///
/// # Examples
/// ```
/// use keyward::name::{NameError, check_name};
///
/// assert_eq!(check_name(" production ")?, "production");
/// assert_eq!(check_name("\u{3164}"), Err(NameError::Blank));
/// # Ok::<(), NameError>(())
/// ```
pub fn check_name(name: &str) -> Result<&str, NameError> {
    let name = name.trim();
    let length = name.chars().count();
    if length > MAX_NAME_LENGTH {
        return Err(NameError::TooLong(length));
    }
    check_text(name)?;
    if name.chars().any(is_visible) { Ok(name) } else { Err(NameError::Blank) }
}

/// Checks a one-line text.
///
/// It refuses control, format, unassigned and private-use characters, and line and paragraph separators.
/// A zero-width joiner or non-joiner is allowed between visible characters.
///
/// # Errors
/// [`NameError::Character`], the first.
///
/// # Examples
/// ```
/// use keyward::name::check_text;
///
/// assert!(check_text("👩‍💻 at work").is_ok());
/// assert!(check_text("two\nlines").is_err());
/// ```
pub fn check_text(text: &str) -> Result<(), NameError> {
    let mut before = None;
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        let joins =
            JOINERS.contains(&character) && before.is_some_and(is_joined) && rest.clone().next().is_some_and(is_joined);
        if is_hidden(character) && !joins {
            return Err(NameError::Character(character));
        }
        before = Some(character);
    }
    Ok(())
}

fn is_hidden(character: char) -> bool {
    matches!(
        character.general_category(),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::Surrogate
            | GeneralCategory::PrivateUse
            | GeneralCategory::Unassigned
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
    )
}

fn is_visible(character: char) -> bool {
    !BLANK.contains(&character)
        && matches!(
            character.general_category_group(),
            GeneralCategoryGroup::Letter
                | GeneralCategoryGroup::Number
                | GeneralCategoryGroup::Punctuation
                | GeneralCategoryGroup::Symbol
        )
}

fn is_joined(character: char) -> bool {
    is_visible(character) || character.general_category_group() == GeneralCategoryGroup::Mark
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_visible_text() {
        let long = "é".repeat(MAX_NAME_LENGTH);
        for name in ["production", "a", " a b ", "«ключ» 🔑", "名前", "👩‍💻", "❤️‍🔥", "می‌خواهم", "র‍্য", "e\u{301}", &long]
        {
            assert_eq!(check_name(name), Ok(name.trim()));
        }
    }

    #[test]
    fn names_with_hidden_characters_are_refused() {
        for character in [
            '\0',
            '\n',
            '\u{7f}',
            '\u{85}',
            '\u{ad}',
            '\u{200b}',
            '\u{200e}',
            '\u{202e}',
            '\u{2028}',
            '\u{2029}',
            '\u{2066}',
            '\u{feff}',
            '\u{e000}',
            '\u{e0061}',
            '\u{fffe}',
            '\u{378}',
            '\u{10ffff}',
        ] {
            for name in [format!("a{character}b"), format!("a {character} b"), format!("a{character}\u{200d}b")] {
                assert_eq!(check_name(&name), Err(NameError::Character(character)), "{character:?}");
            }
        }
        for (name, character) in [
            ("\u{200d}a", '\u{200d}'),
            ("a\u{200d}", '\u{200d}'),
            ("a\u{200d}\u{200d}b", '\u{200d}'),
            ("a \u{200c}b", '\u{200c}'),
            ("\u{3164}\u{200d}\u{3164}", '\u{200d}'),
        ] {
            assert_eq!(check_name(name), Err(NameError::Character(character)), "{name:?}");
        }
    }

    #[test]
    fn names_without_a_visible_character_are_refused() {
        let fillers: String = BLANK.iter().collect();
        for name in ["", " ", "\u{a0}\u{3000}", "\u{34f}", "\u{fe0f}", "\u{301}", "\u{17b4}", "a\u{3164}", &fillers] {
            let expected = if name.starts_with('a') { Ok(name) } else { Err(NameError::Blank) };
            assert_eq!(check_name(name), expected, "{name:?}");
        }
        assert_eq!(check_name(&"a".repeat(101)), Err(NameError::TooLong(101)));
    }
}
