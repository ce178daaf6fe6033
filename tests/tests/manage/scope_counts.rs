//! Callers of `/v1/verify` name any scopes, and cost nobody else their counts.

use keyward::adapter::Admission;
use keyward::manage::{ApiDescription, KeyDraft, MOST_SCOPES, OTHER_SCOPES, Purpose, UsageScope};
use keyward::policy::Policy as _;
use keyward::{Authenticator, Identity, NewKey, Requirement, Scope};

use crate::setting::{Setting, everywhere, verdict};

async fn identity(
    setting: &Setting,
    verifier: &Authenticator,
    by: &keyward::manage::Actor,
    draft: KeyDraft,
) -> Identity {
    let issued = setting.management.create_key(by, draft).await.unwrap();
    match verdict(verifier, &issued.key.expose_once()).await.unwrap() {
        Admission::Identity(identity) => identity,
        Admission::Anonymous => panic!("the key is anonymous"),
    }
}

fn require(identity: &Identity, scopes: impl IntoIterator<Item = String>) {
    let scopes = scopes.into_iter().map(|scope| scope.parse::<Scope>().unwrap());
    Requirement::all_of(scopes).check(identity).unwrap();
}

fn times(scopes: &[UsageScope]) -> u64 {
    scopes.iter().map(|scope| scope.times).sum()
}

#[tokio::test]
async fn one_key_with_many_scopes_stops_no_counts() {
    for setting in everywhere().await {
        let management = &setting.management;
        setting.operator().await;
        let (evil, account) = setting.customer("evil@example.com").await;
        let (good, other) = setting.customer("good@example.com").await;
        let verifier = management.verifier().unwrap();
        let flooding = identity(&setting, &verifier, &evil, KeyDraft::secret(account.clone(), "k")).await;
        let quiet = identity(&setting, &verifier, &good, KeyDraft::secret(other.clone(), "k")).await;
        for number in 0..160 {
            require(&flooding, (0..64).map(|part| format!("x:s{number}x{part}")));
        }
        require(&quiet, ["a:read".to_owned()]);
        management.flush_usage().await.unwrap();
        let usage = management.usage(&good, &other, 1).await.unwrap();
        assert_eq!((usage.scopes.len(), usage.scopes[0].scope.as_str(), usage.scopes[0].times), (1, "a:read", 1));
        let usage = management.key_usage(&evil, flooding.id(), 1).await.unwrap();
        assert_eq!((usage.scopes.len(), times(&usage.scopes)), (MOST_SCOPES / 2 + 1, 160 * 64));
        management.maintain().await.unwrap();
    }
}

#[tokio::test]
async fn invented_scopes_take_no_names_from_real_ones() {
    for setting in everywhere().await {
        let management = &setting.management;
        let operator = setting.operator().await;
        let (ada, account) = setting.customer("ada@example.com").await;
        let verifier = management.verifier().unwrap();
        let described = ApiDescription { scopes: Some("c:read List\n".parse().unwrap()), ..ApiDescription::default() };
        management.set_api_description(&operator, &described, 0).await.unwrap();
        management.maintain().await.unwrap();
        for key in 0..9 {
            let draft = KeyDraft::secret(account.clone(), format!("key {key}"));
            let flooding = identity(&setting, &verifier, &ada, draft).await;
            require(&flooding, (0..64).map(|number| format!("junk:s{key}x{number}")));
            require(&flooding, ["c:read".to_owned(), format!("late:s{key}")]);
        }
        management.flush_usage().await.unwrap();
        let draft = NewKey::restricted(account.clone(), "restricted", "a:read".parse().unwrap());
        let draft = KeyDraft::of(Purpose::Api, draft);
        let restricted = identity(&setting, &verifier, &ada, draft).await;
        require(&restricted, ["a:read".to_owned()]);
        let usage = management.usage(&ada, &account, 1).await.unwrap();
        let of = |name: &str| usage.scopes.iter().find(|scope| scope.scope == name).map_or(0, |scope| scope.times);
        assert_eq!((of("a:read"), of("c:read"), of("late:s8")), (1, 9, 0), "{:?}", usage.scopes);
        assert_eq!((times(&usage.scopes), usage.scopes.len()), (9 * 66 + 1, 128 + 2), "{}", of(OTHER_SCOPES));
    }
}
