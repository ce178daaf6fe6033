use std::net::IpAddr;

pub use keyward_api_types::Actor as ActorName;
use keyward_core::id::UserId;
use keyward_core::store::Creator;
use keyward_core::{CredentialId, CredentialKind, Identity};

use crate::proof::ShownProof;

const MAX_USER_AGENT: usize = 200;

/// Origin of a request.
///
/// # Examples
/// ```
/// let context = keyward::manage::Context::new().address([192, 0, 2, 7]).user_agent("curl/8.5.0").request_id("req_1");
/// # let _ = context;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    pub(crate) address: Option<IpAddr>,
    pub(crate) peer: Option<IpAddr>,
    pub(crate) device: DeviceProof,
    pub(crate) user_agent: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) shown: Option<ShownProof>,
}

#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct DeviceProof(pub(crate) String);

impl std::fmt::Debug for DeviceProof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DeviceProof")
    }
}

impl Context {
    /// Creates an unknown origin.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the client's address.
    #[must_use]
    pub fn address(mut self, address: impl Into<IpAddr>) -> Self {
        self.address = Some(address.into());
        self
    }

    /// Sets the connection's address. Clients with an unknown address share one budget of attempts per peer.
    #[must_use]
    pub fn peer(mut self, peer: impl Into<IpAddr>) -> Self {
        self.peer = Some(peer.into());
        self
    }

    /// Sets the device proof that this client received in [`SignedIn::device`](crate::SignedIn::device).
    #[must_use]
    pub fn device(mut self, proof: &str) -> Self {
        self.device = DeviceProof(proof.to_owned());
        self
    }

    /// Sets a code of the user's second factor, or a recovery code. Operations whose effect outlives a stolen session ask for it, however
    /// recent the sign-in of the session is: those that make an owner, for instance.
    #[must_use]
    pub fn code(mut self, code: &str) -> Self {
        self.shown = Some(ShownProof::Code(code.to_owned())).filter(|_| !code.trim().is_empty());
        self
    }

    /// Sets the user agent, cut after 200 characters.
    #[must_use]
    pub fn user_agent(mut self, agent: &str) -> Self {
        self.user_agent = Some(agent.chars().filter(|c| !c.is_control()).take(MAX_USER_AGENT).collect());
        self
    }

    /// Sets the request id.
    #[must_use]
    pub fn request_id(mut self, id: &str) -> Self {
        self.request_id = Some(id.to_owned());
        self
    }
}

/// The actor of an operation. Users' rights are read at every operation; a key has those of its scopes.
///
/// # Examples
/// ```
/// use keyward::manage::{Actor, Context};
///
/// let actor = Actor::system("migration", Context::new());
/// assert!(actor.user().is_none());
/// ```
#[derive(Clone, Debug)]
pub struct Actor {
    pub(crate) who: Who,
    pub(crate) context: Context,
}

#[derive(Clone, Debug)]
pub(crate) enum Who {
    User {
        id: UserId,
        through: Through,
    },
    Key(Identity),
    /// May do everything.
    System(&'static str),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Through {
    Session(String),
    Token(CredentialId),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Principal {
    System,
    User(UserId),
    Key(CredentialId),
}

pub(crate) fn principal_of(name: &ActorName) -> Option<Principal> {
    match name.kind.as_str() {
        "system" => Some(Principal::System),
        "user" => name.id.parse().ok().map(Principal::User),
        "key" => name.id.parse().ok().map(Principal::Key),
        _ => None,
    }
}

impl Actor {
    /// The program, which may do everything.
    #[must_use]
    pub fn system(name: &'static str, context: Context) -> Self {
        Self { who: Who::System(name), context }
    }

    /// Returns an identity's actor.
    #[must_use]
    pub fn of_identity(identity: &Identity, context: Context) -> Self {
        let who = match (identity.kind(), identity.user()) {
            (CredentialKind::AccessToken, Some(user)) => {
                Who::User { id: user.clone(), through: Through::Token(identity.id().clone()) }
            }
            _ => Who::Key(identity.clone()),
        };
        Self { who, context }
    }

    pub(crate) fn of_session(user: UserId, session: String, context: Context) -> Self {
        Self { who: Who::User { id: user, through: Through::Session(session) }, context }
    }

    pub(crate) fn principal(&self) -> Principal {
        match &self.who {
            Who::User { id, .. } => Principal::User(id.clone()),
            Who::Key(identity) => Principal::Key(identity.id().clone()),
            Who::System(_) => Principal::System,
        }
    }

    /// Returns the user, if any.
    #[must_use]
    pub fn user(&self) -> Option<&UserId> {
        match &self.who {
            Who::User { id, .. } => Some(id),
            Who::Key(_) | Who::System(_) => None,
        }
    }

    /// Digest of the session or token of a user, to which set-ups and challenges belong.
    pub(crate) fn holder(&self) -> Option<String> {
        match &self.who {
            Who::User { through: Through::Session(session), .. } => Some(session.clone()),
            Who::User { through: Through::Token(token), .. } => Some(token.to_string()),
            Who::Key(_) | Who::System(_) => None,
        }
    }

    pub(crate) fn creator(&self) -> Creator {
        match &self.who {
            Who::User { id, .. } => Creator::User(id.clone()),
            Who::Key(identity) => Creator::Key(identity.id().clone()),
            Who::System(name) => Creator::System((*name).into()),
        }
    }

    pub(crate) fn is_system(&self) -> bool {
        matches!(self.who, Who::System(_))
    }

    /// Returns the request's origin.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Returns the name in the audit log.
    #[must_use]
    pub fn name(&self) -> ActorName {
        let (kind, id) = match &self.who {
            Who::User { id, .. } => ("user", id.to_string()),
            Who::Key(identity) => ("key", identity.id().to_string()),
            Who::System(name) => ("system", (*name).to_owned()),
        };
        ActorName { kind: kind.to_owned(), id }
    }
}
