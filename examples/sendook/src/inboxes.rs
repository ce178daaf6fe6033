use http::{Method, Request};
use hyper::body::Incoming;
use keyward::{AccountId, Identity, Timestamp};
use rusqlite::{ErrorCode, OptionalExtension, Row};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Sendook;
use crate::answer::{Answer, Response, created, ok, read};
use crate::data::{PAGE, is_address, new_id, now};
use crate::messages;

const DOMAIN: &str = "@sendook.com";

#[derive(Deserialize)]
struct New {
    name: String,
    email: Option<String>,
}

pub(crate) async fn manage(
    sendook: &Sendook,
    caller: &Identity,
    path: &[&str],
    request: Request<Incoming>,
) -> Result<Response, Answer> {
    let organization = caller.account();
    match (request.method(), path) {
        (&Method::POST, []) => {
            let new: New = read(request).await?;
            Ok(created(&add(sendook, organization, &new.name, new.email.as_deref())?))
        }
        (&Method::GET, []) => Ok(ok(&list(sendook, organization)?)),
        (&Method::GET, [id]) => Ok(ok(&own(sendook, organization, id)?)),
        (&Method::DELETE, [id]) => {
            let inbox = own(sendook, organization, id)?;
            sendook.data.with(|connection| connection.execute("DELETE FROM inboxes WHERE id = ?1", [id]))?;
            Ok(ok(&inbox))
        }
        (_, [id, "messages", rest @ ..]) => {
            let inbox = own(sendook, organization, id)?;
            let address = inbox["email"].as_str().unwrap_or_default();
            messages::manage(sendook, &messages::Inbox { id, address }, rest, request).await
        }
        _ => Err(Answer::NotFound),
    }
}

pub(crate) fn add(
    sendook: &Sendook,
    organization: &AccountId,
    name: &str,
    email: Option<&str>,
) -> Result<Value, Answer> {
    if !(1..=100).contains(&name.trim().chars().count()) {
        return Err(Answer::Invalid("Invalid field `name`: expected 1 to 100 characters.".into()));
    }
    let address = match email {
        // Another domain would have to be verified first.
        Some(email) if !(is_address(email) && email.ends_with(DOMAIN)) => {
            return Err(Answer::Invalid(format!(
                "Invalid field `email`: expected an address that ends with {DOMAIN}."
            )));
        }
        Some(email) => email.to_lowercase(),
        None => format!("{}{DOMAIN}", new_id("in").to_lowercase()),
    };
    let (id, at) = (new_id("inbox"), now());
    let added = sendook.data.with(|connection| {
        connection.execute(
            "INSERT INTO inboxes (id, organization, name, email, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            (&id, organization.as_str(), name, &address, at.as_millis()),
        )
    });
    match added {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => Err(Answer::InboxTaken),
        other => other.map(|_| to_json(&id, name, &address, at)).map_err(Answer::from),
    }
}

fn list(sendook: &Sendook, organization: &AccountId) -> Result<Vec<Value>, Answer> {
    Ok(sendook.data.with(|connection| {
        connection
            .prepare_cached(
                "SELECT id, name, email, created_at FROM inboxes WHERE organization = ?1 ORDER BY number DESC LIMIT ?2",
            )?
            .query_map((organization.as_str(), PAGE), inbox)?
            .collect()
    })?)
}

/// An inbox of another organization is answered as an unknown one.
fn own(sendook: &Sendook, organization: &AccountId, id: &str) -> Result<Value, Answer> {
    let found = sendook.data.with(|connection| {
        connection
            .prepare_cached("SELECT id, name, email, created_at FROM inboxes WHERE organization = ?1 AND id = ?2")?
            .query_row((organization.as_str(), id), inbox)
            .optional()
    })?;
    found.ok_or(Answer::NotFound)
}

fn inbox(row: &Row<'_>) -> rusqlite::Result<Value> {
    let text = |column| row.get::<_, String>(column);
    Ok(to_json(&text(0)?, &text(1)?, &text(2)?, Timestamp::from_millis(row.get(3)?)))
}

/// sendook's clients read `_id`, its documentation says `id`.
fn to_json(id: &str, name: &str, email: &str, created_at: Timestamp) -> Value {
    json!({ "_id": id, "id": id, "name": name, "email": email, "createdAt": created_at.to_string() })
}
