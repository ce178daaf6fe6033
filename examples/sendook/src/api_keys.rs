use http::{Method, Request};
use hyper::body::Incoming;
use keyward::store::{KeyQuery, KeyRecord};
use keyward::{CredentialId, Identity, NewKey, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Sendook;
use crate::answer::{Answer, Response, created, ok, read};

#[derive(Deserialize)]
struct New {
    name: String,
}

pub(crate) async fn manage(
    sendook: &Sendook,
    caller: &Identity,
    path: &[&str],
    request: Request<Incoming>,
) -> Result<Response, Answer> {
    match (request.method(), path) {
        (&Method::POST, []) => {
            let new: New = read(request).await?;
            // The credential decides which organization owns the key. The body has no say.
            let issued = sendook.keys.issue(NewKey::secret(caller.account().clone(), new.name)).await?;
            let mut item = to_json(&issued.record);
            item["key"] = issued.key.expose_once().as_str().into();
            Ok(created(&item))
        }
        (&Method::GET, []) => Ok(ok(&list(sendook, caller).await?)),
        (&Method::GET, [id]) => Ok(ok(&to_json(&own(sendook, caller, id).await?))),
        (&Method::DELETE, [id]) => {
            let key = own(sendook, caller, id).await?;
            Ok(ok(&to_json(&sendook.keys.revoke(&key.id).await?.record)))
        }
        _ => Err(Answer::NotFound),
    }
}

async fn list(sendook: &Sendook, caller: &Identity) -> Result<Vec<Value>, Answer> {
    let mut query =
        KeyQuery { account: Some(caller.account().clone()), limit: KeyQuery::MAX_LIMIT, ..KeyQuery::default() };
    let mut items = Vec::new();
    loop {
        let page = sendook.keys.list(&query).await?;
        items.extend(page.keys.iter().map(to_json));
        match page.next {
            Some(next) => query.after = Some(next),
            None => return Ok(items),
        }
    }
}

/// A key of another organization is answered as an unknown one.
async fn own(sendook: &Sendook, caller: &Identity, id: &str) -> Result<KeyRecord, Answer> {
    let id: CredentialId = id.parse().map_err(|_| Answer::NotFound)?;
    let key = sendook.keys.get(&id).await?.filter(|key| key.account == *caller.account());
    key.ok_or(Answer::NotFound)
}

fn to_json(key: &KeyRecord) -> Value {
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    json!({
        "_id": key.id,
        "id": key.id,
        "name": key.name,
        "hint": key.hint,
        "createdAt": time(Some(key.created_at)),
        "lastUsedAt": time(key.last_used_at),
        "revokedAt": time(key.revoked_at),
    })
}
