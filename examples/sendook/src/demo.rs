use std::error::Error;
use std::time::Duration;

use example_support::{Announcement, Demo};
use keyward::{CredentialId, NewKey, Timestamp};

use crate::Sendook;
use crate::answer::Answer;
use crate::data::now;
use crate::users::{Registration, add};

pub(crate) async fn seed(sendook: &Sendook, announcement: &mut Announcement) -> Result<(), Box<dyn Error>> {
    let failed = |answer: Answer| format!("cannot create the demo data: {answer:?}");
    // A new user at every start, because the password of an earlier one is no longer shown.
    let mark = CredentialId::generate().as_str()[4..12].to_lowercase();
    let (email, password) = (format!("demo-{mark}@example.com"), CredentialId::generate().to_string());
    let user = |email: String, password: String| Registration {
        first_name: "Demo".into(),
        last_name: "User".into(),
        email,
        password,
    };
    let own = add(sendook, user(email.clone(), password.clone())).await.map_err(failed)?;
    let other_password = CredentialId::generate().to_string();
    let other = add(sendook, user(format!("other-{mark}@example.com"), other_password)).await.map_err(failed)?;

    announcement.credential("api_key", &own.key);
    announcement.credential("other_api_key", &other.key);
    let token = sendook.tokens.issue(&own.user, &own.organization).map_err(failed)?;
    announcement.credential("access_token", &token.expose_once());
    let an_hour_ago = Timestamp::from_millis(now().as_millis() - Duration::from_secs(3_600).as_millis() as i64);
    let expired = sendook.tokens.issue_until(&own.user, &own.organization, an_hour_ago).map_err(failed)?;
    announcement.credential("expired_access_token", &expired.expose_once());
    announcement.credential("email", &email);
    announcement.credential("password", &password);
    Demo::new(&sendook.keys, announcement).revoked(NewKey::secret(own.organization, "deleted")).await
}
