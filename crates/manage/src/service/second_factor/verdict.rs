use crate::records::StoredFactor;

/// The verdict on a proof, with the record as it is next.
pub(super) enum Verdict {
    Right(StoredFactor),
    /// A recovery code.
    Recovery(StoredFactor),
    Wrong(StoredFactor),
}
