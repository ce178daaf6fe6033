//! Spellings of an exempt path that need a key.

use super::Mismatch;
use super::answer::Answer;

/// A request without a credential, where only `GET /health` is exempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PathCase {
    /// Method.
    pub method: &'static str,
    /// Target in the request line.
    pub target: &'static str,
    /// Whether the request is let in. If not, the answer is 401 `MISSING_API_KEY`, or 400 from the HTTP server.
    pub exempt: bool,
}

/// Returns spellings of `/health`, and whether each is exempt.
#[must_use]
pub fn path_cases() -> Vec<PathCase> {
    let exempt = [
        ("GET", "/health"),
        ("HEAD", "/health"),
        ("GET", "/health?x"),
        ("GET", "/health?"),
        ("GET", "/health?/v1/../"),
        ("GET", "http://other.example/health"),
    ];
    let protected = [
        ("GET", "//health"),
        ("GET", "///health"),
        ("GET", "/health/"),
        ("GET", "/health//"),
        ("GET", "/health/../v1"),
        ("GET", "/health/.."),
        ("GET", "/health/."),
        ("GET", "/./health"),
        ("GET", "/v1/../health"),
        ("GET", "/%2e/health"),
        ("GET", "/v1/%2e%2e/health"),
        ("GET", "/health/%2e%2e/v1"),
        ("GET", "/health/..;/v1"),
        ("GET", "/%68ealth"),
        ("GET", "/heal%74h"),
        ("GET", "/%2568ealth"),
        ("GET", "/%2fhealth"),
        ("GET", "/%2Fhealth"),
        ("GET", "/health%2f"),
        ("GET", "/health%2f..%2fv1"),
        ("GET", "/health%00"),
        ("GET", "/health%00/v1"),
        ("GET", "/health%20"),
        ("GET", "/health%09"),
        ("GET", "/health%0a"),
        ("GET", "/health%0d%0a"),
        ("GET", "/health%23"),
        ("GET", "/health%3f"),
        ("GET", "/health%3b"),
        ("GET", "/health%5c"),
        ("GET", "/health;x"),
        ("GET", "/health;x=y"),
        ("GET", "/;/health"),
        ("GET", "/;x/health"),
        ("GET", "/HEALTH"),
        ("GET", "/Health"),
        ("GET", "/healtH"),
        ("GET", "/health.json"),
        ("GET", "/healthz"),
        ("GET", "/healt"),
        ("GET", "/health/x"),
        ("GET", "/health&x"),
        ("GET", "/health,"),
        ("GET", "/health."),
        ("GET", "/health*"),
        ("GET", "/health+"),
        ("GET", "/health~"),
        ("GET", "/health\\"),
        ("GET", "/\\health"),
        ("GET", "/hea\u{301}lth"),
        ("GET", "/hea%CC%81lth"),
        ("GET", "/%EF%BD%88ealth"),
        ("GET", "/?/health"),
        ("GET", "/v1?x=/health"),
        ("GET", "http://other.example//health"),
        ("GET", "http://other.example/health/"),
        ("GET", "http://other.example/?/health"),
        ("GET", "http://other.example/v1"),
        ("GET", "http://other.example"),
        ("POST", "/health"),
        ("PUT", "/health"),
        ("PATCH", "/health"),
        ("DELETE", "/health"),
        ("OPTIONS", "/health"),
        ("TRACE", "/health"),
        ("get", "/health"),
        ("GETX", "/health"),
        ("OPTIONS", "*"),
    ];
    let case = |exempt| move |(method, target)| PathCase { method, target, exempt };
    exempt.into_iter().map(case(true)).chain(protected.into_iter().map(case(false))).collect()
}

impl PathCase {
    pub(super) fn compare(&self, answer: Option<&Answer>) -> Result<(), Mismatch> {
        let fits = match answer {
            None => !self.exempt,
            Some(answer) if self.exempt => answer.status == 200,
            Some(answer) => {
                (answer.status == 401 && answer.code().as_deref() == Some("MISSING_API_KEY")) || answer.status == 400
            }
        };
        if fits {
            return Ok(());
        }
        let got = answer.map_or("no answer".to_owned(), |answer| answer.status.to_string());
        let wanted = if self.exempt { "to be exempt" } else { "to need a key" };
        Err(Mismatch(format!("{} {}: expected {wanted}, got {got}", self.method, self.target)))
    }
}
