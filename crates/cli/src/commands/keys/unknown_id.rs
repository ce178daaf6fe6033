//! People pass a key, or its name, where a command needs its id.

use keyward_client::{Key, KeyFilter};
use keyward_core::CredentialId;

use super::operations;
use crate::backend::Backend;
use crate::error::Error;

/// The parts of a key that its hint shows.
const FIRST: usize = 8;
const LAST: usize = 4;
/// The shortest key.
const KEY_LENGTH: usize = 20;

/// Completes the error of an unknown id with the command that works. It never shows the key.
pub(super) async fn explain(backend: &Backend, id: &CredentialId, verb: &str, error: Error) -> Error {
    let text = id.as_str();
    let ends = (text.len() >= KEY_LENGTH).then(|| (text.get(..FIRST), text.get(text.len() - LAST..)));
    if let Some((Some(first), Some(last))) = ends {
        let keys = find(backend, last, |key| key.hint.first() == first && key.hint.last() == last).await;
        if let Some(advice) = advice(&keys, verb) {
            return Error::new(error.kind(), format!("expected an id, and this looks like the key itself: {advice}"))
                .of(format!("key {first}…{last}"));
        }
    }
    let keys = find(backend, text, |key| key.name == text).await;
    match advice(&keys, verb) {
        Some(advice) => Error::new(error.kind(), format!("expected an id, and this is a name: {advice}")),
        None => error.with_message(|message| format!("{message}; keyward keys list shows the ids")),
    }
}

async fn find(backend: &Backend, text: &str, fits: impl Fn(&Key) -> bool) -> Vec<Key> {
    let filter = KeyFilter { text: Some(text.to_owned()), ..KeyFilter::default() };
    // The error that is explained matters more than a failure here.
    let page = operations::page(backend, &filter).await;
    page.map(|page| page.data.into_iter().filter(fits).collect()).unwrap_or_default()
}

fn advice(keys: &[Key], verb: &str) -> Option<String> {
    match keys {
        [] => None,
        [key] => Some(format!("run keyward keys {verb} {} for the key {:?}", key.id, key.name)),
        keys => {
            let ids: Vec<&str> = keys.iter().map(|key| key.id.as_str()).collect();
            Some(format!("run keyward keys {verb} with one of the ids {}", ids.join(", ")))
        }
    }
}
