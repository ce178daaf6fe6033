use keyward_core::Mode;
use keyward_core::key::{FormatError, Hint, KeyFormat, KeyKind};

use crate::role::Purpose;

/// Prefix of restricted management keys.
pub const MANAGEMENT_PREFIX: &str = "kwm";

/// Prefix of secret management keys.
pub const SECRET_MANAGEMENT_PREFIX: &str = "kwms";

/// Prefix of access tokens.
pub const ACCESS_TOKEN_PREFIX: &str = "kwa";

pub(in crate::service) const RESERVED_PREFIXES: [&str; 3] =
    [MANAGEMENT_PREFIX, SECRET_MANAGEMENT_PREFIX, ACCESS_TOKEN_PREFIX];

pub(in crate::service) fn management_format() -> Result<KeyFormat, FormatError> {
    KeyFormat::builder()
        .prefix(SECRET_MANAGEMENT_PREFIX, KeyKind::Secret)
        .prefix(MANAGEMENT_PREFIX, KeyKind::Restricted)
        .build()
}

pub(in crate::service) fn token_format() -> Result<KeyFormat, FormatError> {
    KeyFormat::builder().prefix(ACCESS_TOKEN_PREFIX, KeyKind::Restricted).implicit_mode(Mode::Live).build()
}

/// Returns a key's purpose.
///
/// # Examples
/// ```
/// use keyward::manage::{Purpose, purpose_of};
///
/// assert_eq!(purpose_of(&"kw_live_…3456".parse()?), Purpose::Api);
/// assert_eq!(purpose_of(&"kwm_live…3456".parse()?), Purpose::Management);
/// # Ok::<(), keyward::key::HintError>(())
/// ```
#[must_use]
pub fn purpose_of(hint: &Hint) -> Purpose {
    let managing = [MANAGEMENT_PREFIX, SECRET_MANAGEMENT_PREFIX].iter().any(|prefix| {
        Mode::ALL.iter().any(|mode| format!("{prefix}_{mode}_").starts_with(hint.first()) && hint.first().len() == 8)
    });
    if managing { Purpose::Management } else { Purpose::Api }
}
