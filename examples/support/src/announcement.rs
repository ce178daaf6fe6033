use std::io::{self, Write};
use std::net::SocketAddr;

use serde_json::{Map, Value};

/// The line of JSON that a service writes when it listens: `{"listening":"http://127.0.0.1:…","credentials":{…}}`.
///
/// Logs go to standard error and show no credential.
#[derive(Clone)]
pub struct Announcement {
    address: SocketAddr,
    credentials: Map<String, Value>,
}

impl Announcement {
    /// Creates an announcement without credentials.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self { address, credentials: Map::new() }
    }

    /// Adds a credential under this name.
    pub fn credential(&mut self, name: &str, credential: &str) {
        self.credentials.insert(name.to_owned(), credential.into());
    }

    /// Returns the credential with this name, if there is one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.credentials.get(name).and_then(Value::as_str)
    }

    /// Returns the URL of the service.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Writes the line.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub fn write(&self) -> io::Result<()> {
        let mut output = io::stdout().lock();
        writeln!(output, "{}", self.line())?;
        output.flush()
    }

    fn line(&self) -> String {
        // Written by hand, so that the order is fixed.
        format!(
            r#"{{"listening":{},"credentials":{}}}"#,
            Value::from(self.url()),
            Value::from(self.credentials.clone())
        )
    }
}

impl std::fmt::Debug for Announcement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Announcement").field("address", &self.address).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_announcement_is_one_line_of_json() {
        let mut announcement = Announcement::new(([127, 0, 0, 1], 3000).into());
        announcement.credential("full", "kw_live_1");
        announcement.credential("odd", "\"\n");
        let expected = r#"{"listening":"http://127.0.0.1:3000","credentials":{"full":"kw_live_1","odd":"\"\n"}}"#;
        assert_eq!(announcement.line(), expected);
        assert!(!format!("{announcement:?}").contains("kw_live_1"));
    }
}
