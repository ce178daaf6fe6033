use crate::records::StoredFactor;

/// The verdict on a proof, with the record as it is next.
pub(super) enum Verdict {
    Right(StoredFactor),
    /// A recovery code.
    Recovery(StoredFactor),
    Wrong(StoredFactor),
    /// It was right, and counted once already. Nobody learns anything by it, so it does not count as a wrong one: a user may send a
    /// form twice.
    Used,
}
