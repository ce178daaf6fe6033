//! Which responses are compressed.

use http::{Extensions, HeaderMap, StatusCode, Version};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, Predicate};

/// The answer to a form. It may show a secret beside what was sent, so its length could reveal the secret (the attack BREACH).
#[derive(Clone, Copy)]
pub(super) struct AnswerToForm;

pub(super) fn layer() -> CompressionLayer<impl Predicate> {
    let is_page =
        |_: StatusCode, _: Version, _: &HeaderMap, extensions: &Extensions| extensions.get::<AnswerToForm>().is_none();
    CompressionLayer::new().compress_when(DefaultPredicate::new().and(is_page))
}
