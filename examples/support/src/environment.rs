use std::ffi::OsString;
use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use ipnet::IpNet;
use keyward::Network;
use keyward::sqlite::{OpenError, SqliteStore};
use tokio::net::TcpListener;

const DEFAULT_PORT: u16 = 3000;

/// The settings of an example service, from environment variables.
///
/// # Examples
/// ```
/// use example_support::Environment;
///
/// let environment = Environment::read(|name| (name == "PORT").then(|| "8080".into()))?;
/// assert_eq!(environment.port, 8080);
/// # Ok::<(), example_support::EnvironmentError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// The port on 127.0.0.1. 0 takes a free port.
    pub port: u16,
    /// The file of the database, or `None` for a temporary one.
    pub database: Option<PathBuf>,
    /// `true` to create demo data and show its credentials.
    pub seed_demo: bool,
    /// Networks of trusted proxies.
    pub trust_proxy: Vec<IpNet>,
}

/// An invalid value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid environment variable {variable}={value:?}: expected {bounds}")]
pub struct EnvironmentError {
    variable: &'static str,
    value: String,
    bounds: &'static str,
}

impl Environment {
    /// Reads the environment of the process.
    ///
    /// # Errors
    /// [`EnvironmentError`] if a variable has an invalid value.
    pub fn from_env() -> Result<Self, EnvironmentError> {
        Self::read(|name| std::env::var_os(name))
    }

    /// Reads the variables through `lookup`. An empty variable counts as not set.
    ///
    /// # Errors
    /// [`EnvironmentError`] if a variable has an invalid value.
    pub fn read(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Self, EnvironmentError> {
        let lookup = |name: &'static str| lookup(name).filter(|value| !value.is_empty());
        let text = |variable: &'static str, bounds: &'static str| {
            let value = lookup(variable).map(OsString::into_string).transpose();
            value.map_err(|value| EnvironmentError { variable, value: value.to_string_lossy().into_owned(), bounds })
        };

        let bounds = "a port number, 0 to 65535";
        let port = text("PORT", bounds)?.map_or(Ok(DEFAULT_PORT), |value| {
            value.parse().map_err(|_| EnvironmentError { variable: "PORT", value, bounds })
        })?;

        let bounds = "0 or 1";
        let seed_demo = match text("SEED_DEMO", bounds)? {
            None => false,
            Some(value) if value == "0" => false,
            Some(value) if value == "1" => true,
            Some(value) => return Err(EnvironmentError { variable: "SEED_DEMO", value, bounds }),
        };

        let bounds = "networks separated by commas, such as 127.0.0.0/8,10.0.0.0/8";
        let trust_proxy = text("TRUST_PROXY", bounds)?.map_or(Ok(Vec::new()), |value| {
            let networks = value
                .split(',')
                .map(|network| network.trim().parse::<Network>().map(IpNet::from))
                .collect::<Result<_, _>>();
            networks.map_err(|_| EnvironmentError { variable: "TRUST_PROXY", value, bounds })
        })?;

        Ok(Self { port, database: lookup("DATABASE").map(PathBuf::from), seed_demo, trust_proxy })
    }

    /// Opens the database, or a temporary one.
    ///
    /// # Errors
    /// If the file cannot be opened or created, or is not a database of keys.
    pub fn open_store(&self) -> Result<SqliteStore, OpenError> {
        match &self.database {
            Some(file) => SqliteStore::open(file),
            None => SqliteStore::temporary(),
        }
    }

    /// Listens on 127.0.0.1, so that other machines cannot reach an example and its demo credentials.
    ///
    /// # Errors
    /// If the port cannot be used, for example because another program listens on it.
    pub async fn listen(&self) -> io::Result<TcpListener> {
        TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await.map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("cannot listen on 127.0.0.1:{}: {error}; set PORT to a free port", self.port),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Environment, EnvironmentError> {
        Environment::read(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()))
    }

    #[test]
    fn what_is_left_out_or_empty_has_a_default() {
        let expected = Environment { port: DEFAULT_PORT, database: None, seed_demo: false, trust_proxy: Vec::new() };
        assert_eq!(read(&[]), Ok(expected.clone()));
        let empty = [("PORT", ""), ("DATABASE", ""), ("SEED_DEMO", ""), ("TRUST_PROXY", "")];
        assert_eq!(read(&empty), Ok(expected));
    }

    #[test]
    fn every_variable_is_read() {
        let environment = read(&[
            ("PORT", "0"),
            ("DATABASE", "/tmp/keys.db"),
            ("SEED_DEMO", "1"),
            ("TRUST_PROXY", "127.0.0.0/8, ::1"),
        ]);
        assert_eq!(
            environment,
            Ok(Environment {
                port: 0,
                database: Some("/tmp/keys.db".into()),
                seed_demo: true,
                trust_proxy: vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()],
            })
        );
    }

    #[test]
    fn a_bad_value_is_an_error_that_names_its_variable() {
        for (variable, value) in [
            ("PORT", "http"),
            ("PORT", "65536"),
            ("PORT", "-1"),
            ("SEED_DEMO", "yes"),
            ("TRUST_PROXY", "010.0.0.1"),
            ("TRUST_PROXY", "10.0.0.0/8,"),
            ("TRUST_PROXY", "*"),
        ] {
            let message = read(&[(variable, value)]).unwrap_err().to_string();
            assert!(message.contains(variable) && message.contains(value), "{message}");
        }
    }
}
