//! Challenges and messages that name the places.

use std::fmt::Write as _;

use http::{HeaderValue, StatusCode};

use super::{Location, Locations};
use crate::credential::CredentialFault;
use crate::rejection::{CredentialAt, Rejection, quotable};

impl Locations {
    /// One field with a challenge for each place. RFC 9110 section 11.6.1 asks for one in every 401.
    ///
    /// A header has the scheme `ApiKey`, with the parameters of an OpenAPI security scheme. No scheme is registered for it.
    ///
    /// `parameter` is added to the challenge for Bearer.
    pub(crate) fn challenge(&self, rejection: &Rejection, realm: &str, parameter: &str) -> Option<HeaderValue> {
        let bearer = rejection.challenge_text(realm)?;
        let mut challenges = Vec::new();
        if self.bearer {
            challenges.push(bearer + parameter);
        }
        // A missing scope is no reason to send another credential.
        if rejection.status() != StatusCode::FORBIDDEN {
            let realm = quotable(realm);
            let header = |name: &str| format!("ApiKey realm=\"{realm}\", in=\"header\", name=\"{name}\"");
            challenges.extend(self.accepted.iter().map(|location| match location {
                Location::Header(name) => header(name),
                Location::Basic => format!("Basic realm=\"{realm}\", charset=\"UTF-8\""),
                Location::WebSocketSubprotocol => header("Sec-WebSocket-Protocol"),
            }));
        }
        if challenges.is_empty() { None } else { HeaderValue::try_from(challenges.join(", ")).ok() }
    }

    /// Returns the rejection with a message that names the places, if the usual one would name the wrong ones.
    pub(crate) fn explain(&self, rejection: &Rejection) -> Option<Rejection> {
        let Rejection::Credential(fault) = rejection else { return None };
        let message = match fault {
            CredentialFault::Missing => format!("No API key was sent. Send it as {}.", self.ways()),
            CredentialFault::OtherScheme => {
                format!("The Authorization header has an unsupported scheme. Send the API key as {}.", self.ways())
            }
            CredentialFault::Empty => {
                "The header for the API key is empty. Check that the variable that holds your key is set.".to_owned()
            }
            CredentialFault::SeveralFields => {
                "The request has several API keys in the same header. Send one.".to_owned()
            }
            CredentialFault::SeveralLocations => {
                format!("The request has API keys in several places. Send one, as {}.", self.ways())
            }
            CredentialFault::List => {
                "The header for the API key contains a comma. Send exactly one API key.".to_owned()
            }
            CredentialFault::Quoted => {
                "The API key is enclosed in quotes or brackets. Send it without them.".to_owned()
            }
            _ => return None,
        };
        Some(Rejection::CredentialAt(Box::new(CredentialAt::new(*fault, message))))
    }

    fn ways(&self) -> String {
        let bearer = self.bearer.then(|| "Authorization: Bearer YOUR_API_KEY".to_owned());
        let others = self.accepted.iter().map(|location| match location {
            Location::Header(name) => format!("{name}: YOUR_API_KEY"),
            Location::Basic => "the user name of HTTP Basic, without a password (curl -u YOUR_API_KEY:)".to_owned(),
            Location::WebSocketSubprotocol => "the WebSocket subprotocol keyward.YOUR_API_KEY".to_owned(),
        });
        let ways: Vec<String> = bearer.into_iter().chain(others).collect();
        let mut text = String::new();
        for (number, way) in ways.iter().enumerate() {
            let before = match number {
                0 => "",
                _ if number == ways.len().saturating_sub(1) => ", or as ",
                _ => ", as ",
            };
            let _ = write!(text, "{before}{way}");
        }
        text
    }
}
