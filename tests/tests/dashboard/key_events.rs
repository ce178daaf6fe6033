//! The events and the rotations on the page of a key.

use keyward::AccountId;
use keyward::manage::{Context, KeyDraft, Role};

use crate::http::Client;
use crate::site::{PASSWORD, Site};

fn operator() -> AccountId {
    "operator".parse().unwrap()
}

#[tokio::test]
async fn a_key_shows_its_last_events_to_readers_of_the_audit_log() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    let id = site.management.create_key(&owner, KeyDraft::secret(operator(), "worker")).await.unwrap().view.id;
    site.management.create_key(&owner, KeyDraft::secret(operator(), "other")).await.unwrap();
    for round in 0..6 {
        site.management.set_key_disabled(&owner, &id, round % 2 == 0).await.unwrap();
    }
    let mut client = Client::signed_in(&site).await;
    let path = format!("/accounts/operator/keys/{id}");
    let page = client.get(&path).await.body;
    let events = page.split("<h2>Events</h2>").nth(1).unwrap().split("</section>").next().unwrap();
    assert_eq!(events.matches("<li>").count(), 7, "{events}");
    assert_eq!(events.matches(" disabled the key “").count(), 3, "{events}");
    assert!(events.contains("created the key “") && !events.contains("other"), "{events}");
    let link = events.split("<p class=\"below\"><a href=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(link, format!("/accounts/operator/audit?target=key%3A{id}"));
    assert!(client.get(link).await.body.contains("enabled the key “"));

    let context = Context::new();
    let invited = site.management.invite(&owner, &operator(), "grace@example.com", Role::Developer).await.unwrap();
    site.management.accept_invitation(&context, &invited.secret, "Grace", PASSWORD).await.unwrap();
    let session = site.management.sign_in(&context, "grace@example.com", PASSWORD).await.unwrap().session;
    let mut client = Client::new(&site);
    client.cookies.insert("keyward_session".to_owned(), session.to_string());
    let page = client.get(&path).await;
    assert!(page.status == 200 && !page.body.contains("<h2>Events</h2>"), "{}", page.body);
}

#[tokio::test]
async fn a_successor_shows_the_rotation_that_made_it() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    let old = site.management.create_key(&owner, KeyDraft::secret(operator(), "worker")).await.unwrap().view.id;
    let hour = std::time::Duration::from_secs(3_600);
    let new = site.management.rotate_key(&owner, &old, hour).await.unwrap().view.id;
    let newest = site.management.rotate_key(&owner, &new, hour).await.unwrap().view.id;
    let mut client = Client::signed_in(&site).await;
    for (id, rotations) in [(&old, 1), (&new, 2), (&newest, 1)] {
        let page = client.get(&format!("/accounts/operator/keys/{id}")).await.body;
        let events = page.split("<h2>Events</h2>").nth(1).unwrap().split("</section>").next().unwrap();
        assert_eq!(events.matches(" rotated the key “").count(), rotations, "{id}: {events}");
        assert_eq!(events.matches(" created the key “").count(), usize::from(*id == old), "{id}: {events}");
        let log = client.get(&format!("/accounts/operator/audit?target=key%3A{id}")).await.body;
        assert_eq!(log.matches(" rotated the key “").count(), rotations, "{id}: {log}");
    }
}

#[tokio::test]
async fn rotations_are_listed_oldest_first_around_the_key() {
    let site = Site::with_owner().await;
    let owner = site.owner().await;
    let mut ids =
        vec![site.management.create_key(&owner, KeyDraft::secret(operator(), "worker")).await.unwrap().view.id];
    let mut client = Client::signed_in(&site).await;
    let page = client.get(&format!("/accounts/operator/keys/{}", ids[0])).await.body;
    assert!(!page.contains("<h2>Rotations</h2>"), "{page}");
    for _ in 0..25 {
        let rotated = site
            .management
            .rotate_key(&owner, ids.last().unwrap(), std::time::Duration::from_secs(3_600))
            .await
            .unwrap();
        ids.push(rotated.view.id);
    }
    let mut shown = async |place: usize| {
        let page = client.get(&format!("/accounts/operator/keys/{}", ids[place])).await.body;
        let chain = page.split("<h2>Rotations</h2>").nth(1).unwrap().split("</section>").next().unwrap().to_owned();
        let listed = chain.split("<li").skip(1).map(|item| {
            if item.starts_with(" aria-current=\"true\"") {
                return place;
            }
            let id = item.split("/keys/").nth(1).unwrap().split('"').next().unwrap();
            ids.iter().position(|known| known.as_str() == id).unwrap()
        });
        let listed: Vec<usize> = listed.collect();
        (listed, chain.contains("Older keys are not shown"), chain.contains("Newer keys are not shown"))
    };
    assert_eq!(shown(0).await, ((0..20).collect(), false, true));
    assert_eq!(shown(25).await, ((6..26).collect(), true, false));
    assert_eq!(shown(12).await, ((2..22).collect(), true, true));
}
