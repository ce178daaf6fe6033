use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// An RFC 9457 problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "utoipa", derive(utoipa::ToSchema))]
pub struct Problem {
    /// Always `about:blank`, also if absent (RFC 9457 section 3.1.1). The field `code` has the type.
    #[serde(rename = "type", default = "about_blank")]
    pub kind: String,
    /// Name of the status.
    #[serde(default)]
    pub title: Option<String>,
    /// HTTP status.
    pub status: u16,
    /// Explanation for people.
    pub detail: String,
    /// Stable code for programs.
    pub code: String,
    /// Id to report to the provider.
    pub request_id: String,
    /// Time to wait before a retry, from the header `Retry-After`.
    #[serde(skip)]
    pub retry_after: Option<Duration>,
}

/// RFC 9457 section 4.2.1.
fn about_blank() -> String {
    "about:blank".to_owned()
}

impl Problem {
    /// Creates a problem without a title or a time to wait.
    ///
    /// # Examples
    /// ```
    /// use keyward_api_types::Problem;
    ///
    /// let problem = Problem::new(404, "NOT_FOUND", "There is no such key.", "req_1");
    /// assert_eq!(problem.to_string(), "There is no such key.");
    /// ```
    #[must_use]
    pub fn new(status: u16, code: impl Into<String>, detail: impl Into<String>, request_id: impl Into<String>) -> Self {
        Self {
            kind: about_blank(),
            title: None,
            status,
            detail: detail.into(),
            code: code.into(),
            request_id: request_id.into(),
            retry_after: None,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An untrusted server must not control the terminal that shows this.
        let detail: String = self.detail.chars().filter(|c| !c.is_control()).collect();
        f.write_str(&detail)
    }
}

impl std::error::Error for Problem {}
