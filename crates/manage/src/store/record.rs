use keyward_core::Timestamp;

/// The kind of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// An account.
    Account,
    /// A user.
    User,
    /// A user's role in an account.
    Member,
    /// A dashboard session.
    Session,
    /// The tokens of one sign-in.
    Family,
    /// An access token.
    Access,
    /// A refresh token.
    Refresh,
    /// An invitation.
    Invitation,
    /// A password reset.
    PasswordReset,
    /// A link that signs a user in.
    SignInLink,
    /// A user's identity at an identity provider.
    Link,
    /// An idempotent request.
    Once,
    /// Slots for keys being created.
    Making,
    /// An operation not yet in the audit log.
    Begun,
    /// An audit entry.
    Audit,
    /// Leads from a user and an account to an audit entry about how the user signs in.
    ActivityMark,
    /// Where the pruned audit log starts.
    AuditCut,
    /// A plan.
    Plan,
    /// The dashboard's appearance.
    Appearance,
    /// A logo.
    Logo,
    /// A secret that all nodes share.
    Secret,
    /// A URL that receives events.
    Webhook,
    /// An event to send to a webhook, with its attempts.
    Delivery,
    /// A delivery whose next attempt is planned.
    Due,
    /// When an account may have its next redelivery of many.
    RedeliveryPace,
    /// The last audit entry whose event was published.
    EventCursor,
    /// An announcement, so that it is made once.
    Announced,
    /// A setting of the server that the command line follows, too.
    Policy,
    /// The lifetimes of keys that a plan or an account sets.
    Lifetimes,
    /// A user who leaves an account, and whose keys end.
    Leaving,
    /// A user's second factor.
    SecondFactor,
    /// An account whose members need a second factor.
    RequiredFactor,
    /// The scopes and the example call of the provider's API.
    ApiDescription,
    /// A mail that waits to be sent.
    Mail,
    /// The mails of an hour to an address, or for an account.
    MailCount,
    /// A deleted account, whose id is not used again.
    DeletedAccount,
    /// A plan that is removed, with its limits.
    RemovedPlan,
}

impl Kind {
    /// Returns the name in databases.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::User => "user",
            Self::Member => "member",
            Self::Session => "session",
            Self::Family => "family",
            Self::Access => "access",
            Self::Refresh => "refresh",
            Self::Invitation => "invitation",
            Self::PasswordReset => "password_reset",
            Self::SignInLink => "sign_in_link",
            Self::Link => "link",
            Self::Once => "once",
            Self::Making => "making",
            Self::Begun => "begun",
            Self::Audit => "audit",
            Self::ActivityMark => "activity_mark",
            Self::AuditCut => "audit_cut",
            Self::Plan => "plan",
            Self::Appearance => "appearance",
            Self::Logo => "logo",
            Self::Secret => "secret",
            Self::Webhook => "webhook",
            Self::Delivery => "delivery",
            Self::Due => "due",
            Self::RedeliveryPace => "redelivery_pace",
            Self::EventCursor => "event_cursor",
            Self::Announced => "announced",
            Self::Policy => "policy",
            Self::Lifetimes => "lifetimes",
            Self::Leaving => "leaving",
            Self::SecondFactor => "second_factor",
            Self::RequiredFactor => "required_factor",
            Self::ApiDescription => "api_description",
            Self::Mail => "mail",
            Self::MailCount => "mail_count",
            Self::DeletedAccount => "deleted_account",
            Self::RemovedPlan => "removed_plan",
        }
    }
}

/// A record: fields to search by, and an opaque body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The kind.
    pub kind: Kind,
    /// The id, unique within the kind.
    pub id: String,
    /// The owner, for lists, or empty.
    pub owner: String,
    /// The subject, for lists, or empty.
    pub subject: String,
    /// A second unique value, if any.
    pub key: Option<String>,
    /// The position in lists, before the id.
    pub sort: i64,
    /// When the store may remove the record.
    pub expires_at: Option<Timestamp>,
    /// The version, incremented by every replacement.
    pub version: u64,
    /// The content.
    pub body: String,
}

/// One write of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Inserts a record with version 1. Conflicts if its id or key exists.
    Insert(Record),
    /// Replaces a record. Conflicts if its version differs.
    Replace(Record),
    /// Removes a record. Conflicts if its version differs.
    Remove {
        /// The kind.
        kind: Kind,
        /// The id.
        id: String,
        /// The expected version.
        version: u64,
    },
    /// Writes nothing. Conflicts if a record's version differs.
    Expect {
        /// The kind.
        kind: Kind,
        /// The id.
        id: String,
        /// The expected version.
        version: u64,
    },
}

/// The result of a batch of writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a conflict means that nothing was written"]
pub enum Written {
    /// The store wrote the whole batch.
    Done,
    /// The store wrote nothing: the write at this index conflicts.
    Conflict(usize),
}

/// A query for records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// The kind.
    pub kind: Kind,
    /// Selects one owner.
    pub owner: Option<String>,
    /// Selects one subject.
    pub subject: Option<String>,
    /// Starts after this position and id.
    pub after: Option<(i64, String)>,
    /// Reverses the order.
    pub newest_first: bool,
    /// The most records to return.
    pub limit: usize,
}

impl List {
    /// Lists all records of a kind, ascending.
    #[must_use]
    pub fn of(kind: Kind, limit: usize) -> Self {
        Self { kind, owner: None, subject: None, after: None, newest_first: false, limit }
    }

    /// Selects one owner.
    #[must_use]
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// Selects one subject.
    #[must_use]
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }
}
