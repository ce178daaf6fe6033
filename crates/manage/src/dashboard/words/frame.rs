//! What surrounds each page.

// base.html
pub(in crate::dashboard) const SKIP_TO_CONTENT: &str = "Skip to content";
pub(in crate::dashboard) const MENU: &str = "Menu";
pub(in crate::dashboard) const MAIN: &str = "Main";
pub(in crate::dashboard) const OPERATOR: &str = "Operator";
pub(in crate::dashboard) const ACCOUNT_BEFORE: &str = "Account:";
pub(in crate::dashboard) const SEARCH_ACCOUNTS: &str = "Search accounts";
pub(in crate::dashboard) const NO_ACCOUNT_HAS_THIS_NAME: &str = "No account has this name.";
pub(in crate::dashboard) const SIGNED_IN_AS: &str = "Signed in as";
pub(in crate::dashboard) const SESSIONS: &str = "Sessions";
pub(in crate::dashboard) const API_DOCUMENTATION: &str = "API documentation";
pub(in crate::dashboard) const MANAGEMENT_API: &str = "Management API (for keys)";
pub(in crate::dashboard) const SIGN_OUT: &str = "Sign out";
pub(in crate::dashboard) const THIS_ACCOUNT_IS_SUSPENDED: &str =
    "This account is suspended: every request with its keys is refused. The operator of this server can reinstate it.";

// themes.rs
pub(in crate::dashboard) const LIKE_THE_SYSTEM: &str = "Like the system";
pub(in crate::dashboard) const LIGHT: &str = "Light";
pub(in crate::dashboard) const DARK: &str = "Dark";

// dashboard.js
pub(in crate::dashboard) const LOCAL_TIME: &str = ", {} here";
pub(in crate::dashboard) const COPIED_NOTE: &str = "Copied.";
pub(in crate::dashboard) const COPIED: &str = "Copied";
pub(in crate::dashboard) const COPYING_IS_BLOCKED: &str =
    "Your browser blocks copying. Press Ctrl+C to copy the selection.";
pub(in crate::dashboard) const YOU_HAVE_NOT_COPIED_THE_KEY: &str =
    "You have not copied the key, and you won't see it again. Press again to leave anyway.";
#[cfg(feature = "webhooks")]
pub(in crate::dashboard) const YOU_HAVE_NOT_COPIED_THE_SECRET: &str =
    "You have not copied the secret, and you won't see it again. Press again to leave anyway.";
pub(in crate::dashboard) const YOU_HAVE_NOT_COPIED_THE_LINK: &str =
    "You have not copied the link, and you won't see it again. Press again to leave anyway.";
pub(in crate::dashboard) const YOU_HAVE_NOT_COPIED_THE_CODES: &str =
    "You have not copied or downloaded the codes, and you won't see them again. Press again to leave anyway.";
