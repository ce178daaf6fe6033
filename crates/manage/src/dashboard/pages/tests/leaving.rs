//! Browsers that leave before the answer.

use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use keyward_core::store::{KeyQuery, KeyStatus};

use super::Site;
use crate::actor::{Actor, Context};
use crate::service::KeyDraft;

impl Site {
    async fn active_keys(&self) -> usize {
        let system = Actor::system("test", Context::new());
        let found = self.management.keys(&system, &KeyQuery::default()).await.unwrap().items;
        found.iter().filter(|key| key.status == KeyStatus::Active).count()
    }
}

#[tokio::test]
async fn all_selected_keys_are_revoked_although_the_browser_leaves() {
    let site = Site::start().await;
    let system = Actor::system("test", Context::new());
    let mut fields = vec![("action", "revoke".to_owned())];
    for number in 0..20 {
        let draft = KeyDraft::secret(site.management.operator().clone(), format!("key {number}"));
        fields.push(("id", site.management.create_key(&system, draft).await.unwrap().view.id.to_string()));
    }
    let before = site.active_keys().await;
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut answer = Box::pin(site.post("/accounts/operator/keys/selected", &fields));
    while site.active_keys().await == before {
        assert!(answer.as_mut().now_or_never().is_none());
    }
    drop(answer);
    let begun = Instant::now();
    while site.active_keys().await > before - 20 {
        assert!(begun.elapsed() < Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
