use http::{Method, Request};
use hyper::body::Incoming;
use keyward::{AccountId, CredentialId, Identity, Timestamp};
use rusqlite::{OptionalExtension, Row};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Sendook;
use crate::answer::{Answer, Response, created, ok, read};
use crate::data::now;

const PAGE: i64 = 100;

#[derive(Deserialize)]
struct New {
    name: String,
}

#[derive(Deserialize)]
struct NewMessage {
    to: String,
    subject: String,
    text: String,
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
            Ok(created(&add(sendook, organization, &new.name)?))
        }
        (&Method::GET, []) => Ok(ok(&list(sendook, organization)?)),
        (&Method::GET, [id]) => Ok(ok(&own(sendook, organization, id)?)),
        (&Method::DELETE, [id]) => {
            let inbox = own(sendook, organization, id)?;
            sendook.data.with(|connection| connection.execute("DELETE FROM inboxes WHERE id = ?1", [id]))?;
            Ok(ok(&inbox))
        }
        (&Method::GET, [id, "messages"]) => {
            own(sendook, organization, id)?;
            Ok(ok(&messages(sendook, id)?))
        }
        (&Method::POST, [id, "messages", "send"]) => {
            let inbox = own(sendook, organization, id)?;
            let message: NewMessage = read(request).await?;
            let from = inbox["email"].as_str().unwrap_or_default();
            Ok(created(&send(sendook, id, from, &message)?))
        }
        _ => Err(Answer::NotFound),
    }
}

pub(crate) fn add(sendook: &Sendook, organization: &AccountId, name: &str) -> Result<Value, Answer> {
    if !(1..=100).contains(&name.trim().chars().count()) {
        return Err(Answer::Invalid("Invalid field `name`: expected 1 to 100 characters.".into()));
    }
    let (id, address) = (new_id("inbox"), format!("{}@sendook.com", new_id("in").to_lowercase()));
    let at = now();
    sendook.data.with(|connection| {
        connection.execute(
            "INSERT INTO inboxes (id, organization, name, email, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            (&id, organization.as_str(), name, &address, at.as_millis()),
        )
    })?;
    Ok(json!({"id": id, "name": name, "email": address, "createdAt": at.to_string()}))
}

fn new_id(kind: &str) -> String {
    format!("{kind}_{}", &CredentialId::generate().as_str()[4..])
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
    Ok(json!({
        "id": row.get::<_, String>(0)?,
        "name": row.get::<_, String>(1)?,
        "email": row.get::<_, String>(2)?,
        "createdAt": Timestamp::from_millis(row.get(3)?).to_string(),
    }))
}

fn messages(sendook: &Sendook, id: &str) -> Result<Vec<Value>, Answer> {
    Ok(sendook.data.with(|connection| {
        connection
            .prepare_cached(
                "SELECT id, sender, recipient, subject, text, created_at FROM messages WHERE inbox = ?1 \
                 ORDER BY number DESC LIMIT ?2",
            )?
            .query_map((id, PAGE), |row| {
                Ok(json!({
                    "id": row.get::<_, String>(0)?,
                    "from": row.get::<_, String>(1)?,
                    "to": row.get::<_, String>(2)?,
                    "subject": row.get::<_, String>(3)?,
                    "text": row.get::<_, String>(4)?,
                    "createdAt": Timestamp::from_millis(row.get(5)?).to_string(),
                }))
            })?
            .collect()
    })?)
}

/// Delivers it if the recipient has an inbox here.
fn send(sendook: &Sendook, id: &str, from: &str, message: &NewMessage) -> Result<Value, Answer> {
    if !message.to.contains('@') || message.to.contains(char::is_whitespace) {
        return Err(Answer::Invalid("Invalid field `to`: expected an e-mail address.".into()));
    }
    let (sent, at) = (new_id("msg"), now());
    sendook.data.with(|connection| {
        let transaction = connection.transaction()?;
        let recipient: Option<String> = transaction
            .query_row("SELECT id FROM inboxes WHERE email = ?1", [&message.to], |row| row.get(0))
            .optional()?;
        let mut boxes = vec![(sent.clone(), id.to_owned())];
        boxes.extend(recipient.filter(|recipient| recipient != id).map(|recipient| (new_id("msg"), recipient)));
        for (message_id, inbox) in boxes {
            transaction.execute(
                "INSERT INTO messages (id, inbox, sender, recipient, subject, text, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                (message_id, inbox, from, &message.to, &message.subject, &message.text, at.as_millis()),
            )?;
        }
        transaction.commit()
    })?;
    Ok(json!({
        "id": sent, "from": from, "to": message.to, "subject": message.subject, "text": message.text, "createdAt": at.to_string(),
    }))
}
