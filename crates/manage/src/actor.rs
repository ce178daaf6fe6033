//! Who does something, and from where.

use std::net::IpAddr;

pub use keyward_api_types::Actor as ActorName;
use keyward_core::id::UserId;
use keyward_core::{CredentialId, CredentialKind, Identity};

/// The longest user agent that is kept, in characters.
const MAX_USER_AGENT: usize = 200;

/// Where a request came from, for the audit log and for throttling.
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
}

/// What a browser or program presents as proof that its user has signed in with it before.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct DeviceProof(pub(crate) String);

impl std::fmt::Debug for DeviceProof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DeviceProof")
    }
}

impl Context {
    /// Nothing is known of where it came from.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From this address.
    #[must_use]
    pub fn address(mut self, address: impl Into<IpAddr>) -> Self {
        self.address = Some(address.into());
        self
    }

    /// Over a connection from this address: the client's, or that of the nearest proxy. Clients whose own address is unknown share
    /// one budget of attempts for each peer.
    #[must_use]
    pub fn peer(mut self, peer: impl Into<IpAddr>) -> Self {
        self.peer = Some(peer.into());
        self
    }

    /// With the proof that [`SignedIn::device`](crate::SignedIn::device) gave this client at an earlier sign-in.
    #[must_use]
    pub fn device(mut self, proof: &str) -> Self {
        self.device = DeviceProof(proof.to_owned());
        self
    }

    /// By a client that calls itself so; cut after 200 characters.
    #[must_use]
    pub fn user_agent(mut self, agent: &str) -> Self {
        self.user_agent = Some(agent.chars().filter(|c| !c.is_control()).take(MAX_USER_AGENT).collect());
        self
    }

    /// In the request with this id.
    #[must_use]
    pub fn request_id(mut self, id: &str) -> Self {
        self.request_id = Some(id.to_owned());
        self
    }
}

/// Who does something.
///
/// The management service looks up at every operation what a user may do; a key may do what its scopes say.
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
    /// A signed-in user, with what they signed in to.
    User { id: UserId, through: Through },
    /// A key, with what it was granted.
    Key(Identity),
    /// The program itself, or somebody at its command line: may do everything.
    System(&'static str),
}

/// What a user is signed in to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Through {
    /// A session, by its digest.
    Session(String),
    /// An access token.
    Token(CredentialId),
}

/// An actor without the way that it came: what its rights depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Principal {
    /// The program itself.
    System,
    User(UserId),
    Key(CredentialId),
}

/// The actor with this name, or `None` if the name is that of an actor without rights.
pub(crate) fn principal_of(name: &ActorName) -> Option<Principal> {
    match name.kind.as_str() {
        "system" => Some(Principal::System),
        "user" => name.id.parse().ok().map(Principal::User),
        "key" => name.id.parse().ok().map(Principal::Key),
        _ => None,
    }
}

impl Actor {
    /// The program itself, which may do everything, under this name.
    #[must_use]
    pub fn system(name: &'static str, context: Context) -> Self {
        Self { who: Who::System(name), context }
    }

    /// Whoever presented the credential that this is the identity of.
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

    /// The user, if it is one.
    #[must_use]
    pub fn user(&self) -> Option<&UserId> {
        match &self.who {
            Who::User { id, .. } => Some(id),
            Who::Key(_) | Who::System(_) => None,
        }
    }

    /// Whether it is a program, which may do everything.
    pub(crate) fn is_system(&self) -> bool {
        matches!(self.who, Who::System(_))
    }

    /// Where the request came from.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// How the audit log calls it.
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
