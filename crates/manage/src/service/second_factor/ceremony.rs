/// What the browser is asked, as JSON, and what its answer is compared with.
pub(super) struct Ceremony {
    pub(super) options: String,
    pub(super) state: Vec<u8>,
}

/// A passkey of an authenticator.
pub(super) struct MadePasskey {
    pub(super) credential: String,
    pub(super) transports: u8,
    pub(super) key: String,
    pub(super) state: String,
}

/// A use of the passkey with this credential.
pub(super) struct PasskeyUse {
    pub(super) credential: String,
    pub(super) state: String,
}
