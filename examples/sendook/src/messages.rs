use http::{Method, Request};
use hyper::body::Incoming;
use keyward::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Sendook;
use crate::answer::{Answer, Response, created, ok, read};
use crate::data::{PAGE, is_address, new_id, now};

const MAX_ADDRESSES: usize = 50;
const MAX_SUBJECT: usize = 998;
const MAX_QUERY: usize = 200;
const COLUMNS: &str = "id, sender, recipients, cc, bcc, labels, subject, text, html, created_at";

/// The caller's own inbox.
pub(crate) struct Inbox<'a> {
    pub(crate) id: &'a str,
    pub(crate) address: &'a str,
}

#[derive(Deserialize)]
struct New {
    to: Addresses,
    #[serde(default)]
    cc: Vec<String>,
    #[serde(default)]
    bcc: Vec<String>,
    #[serde(default)]
    labels: Vec<String>,
    subject: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    html: String,
    #[serde(default)]
    attachments: Vec<Value>,
}

/// A list, or a single address.
#[derive(Deserialize)]
#[serde(untagged, expecting = "`to` has to be an e-mail address or a list of them")]
enum Addresses {
    Many(Vec<String>),
    One(String),
}

#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    text: String,
    #[serde(default)]
    html: String,
}

struct Message {
    from: String,
    to: Vec<String>,
    cc: Vec<String>,
    bcc: Vec<String>,
    labels: Vec<String>,
    subject: String,
    text: String,
    html: String,
}

pub(crate) async fn manage(
    sendook: &Sendook,
    inbox: &Inbox<'_>,
    path: &[&str],
    request: Request<Incoming>,
) -> Result<Response, Answer> {
    match (request.method(), path) {
        (&Method::GET, []) => {
            let query = query(request.uri().query().unwrap_or_default())?;
            Ok(ok(&list(sendook, inbox, query.as_deref())?))
        }
        (&Method::POST, ["send"]) => {
            let new: New = read(request).await?;
            Ok(created(&send(sendook, inbox, &checked(inbox, new)?)?))
        }
        (&Method::GET, [id]) => Ok(ok(&own(sendook, inbox, id)?)),
        (&Method::POST, [id, "reply"]) => {
            let original = own(sendook, inbox, id)?;
            let Reply { text, html } = read(request).await?;
            Ok(created(&send(sendook, inbox, &reply(inbox, &original, text, html)?)?))
        }
        _ => Err(Answer::NotFound),
    }
}

fn checked(inbox: &Inbox<'_>, new: New) -> Result<Message, Answer> {
    let invalid = |text: String| Err(Answer::Invalid(text));
    let to = match new.to {
        Addresses::Many(all) => all,
        Addresses::One(one) => vec![one],
    };
    if to.is_empty() {
        return invalid("Invalid field `to`: expected at least one e-mail address.".to_owned());
    }
    for (field, addresses) in [("to", &to), ("cc", &new.cc), ("bcc", &new.bcc)] {
        if addresses.len() > MAX_ADDRESSES {
            return invalid(format!("Invalid field `{field}`: expected at most {MAX_ADDRESSES} e-mail addresses."));
        }
        if let Some(wrong) = addresses.iter().find(|address| !is_address(address)) {
            return invalid(format!("Invalid field `{field}`: expected e-mail addresses, and not {wrong:?}."));
        }
    }
    if new.subject.chars().count() > MAX_SUBJECT {
        return invalid(format!("Invalid field `subject`: expected at most {MAX_SUBJECT} characters."));
    }
    if new.labels.len() > MAX_ADDRESSES || new.labels.iter().any(|label| label.chars().count() > 100) {
        return invalid(format!("Invalid field `labels`: expected at most {MAX_ADDRESSES} labels of 100 characters."));
    }
    if !new.attachments.is_empty() {
        return invalid("Invalid field `attachments`: this service takes none.".to_owned());
    }
    with_body(Message {
        from: inbox.address.to_owned(),
        to,
        cc: new.cc,
        bcc: new.bcc,
        labels: new.labels,
        subject: new.subject,
        text: new.text,
        html: new.html,
    })
}

fn reply(inbox: &Inbox<'_>, original: &Value, text: String, html: String) -> Result<Message, Answer> {
    let of = |field: &str| original[field].as_str().unwrap_or_default().to_owned();
    // RFC 5322 section 3.6.5: one "Re: ".
    let subject = of("subject");
    let subject = if subject.starts_with("Re: ") { subject } else { format!("Re: {subject}") };
    with_body(Message {
        from: inbox.address.to_owned(),
        to: vec![of("from")],
        cc: Vec::new(),
        bcc: Vec::new(),
        labels: Vec::new(),
        subject,
        text,
        html,
    })
}

fn with_body(message: Message) -> Result<Message, Answer> {
    if message.text.is_empty() && message.html.is_empty() {
        return Err(Answer::Invalid("Missing field `text` or `html`: send at least one of them.".to_owned()));
    }
    Ok(message)
}

fn query(query: &str) -> Result<Option<String>, Answer> {
    let found = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "query");
    let Some((_, text)) = found.filter(|(_, text)| !text.is_empty()) else { return Ok(None) };
    if text.chars().count() > MAX_QUERY {
        return Err(Answer::Invalid(format!("Invalid parameter `query`: expected at most {MAX_QUERY} characters.")));
    }
    Ok(Some(text.into_owned()))
}

/// Newest first. `query` is a text in an address, a label, the subject or the body.
fn list(sendook: &Sendook, inbox: &Inbox<'_>, query: Option<&str>) -> Result<Vec<Value>, Answer> {
    let mut pattern = String::from("%");
    for character in query.unwrap_or_default().chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    Ok(sendook.data.with(|connection| {
        connection
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM inbox_messages WHERE inbox = ?1 AND (sender || char(10) || recipients || char(10) || cc || \
                 char(10) || bcc || char(10) || labels || char(10) || subject || char(10) || text || char(10) || html) \
                 LIKE ?2 ESCAPE '\\' ORDER BY number DESC LIMIT ?3"
            ))?
            .query_map((inbox.id, &pattern, PAGE), to_json)?
            .collect()
    })?)
}

/// A message of another inbox is answered as an unknown one.
fn own(sendook: &Sendook, inbox: &Inbox<'_>, id: &str) -> Result<Value, Answer> {
    sendook.data.with(|connection| find(connection, inbox, id))?.ok_or(Answer::NotFound)
}

fn find(connection: &Connection, inbox: &Inbox<'_>, id: &str) -> rusqlite::Result<Option<Value>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM inbox_messages WHERE inbox = ?1 AND id = ?2"))?
        .query_row((inbox.id, id), to_json)
        .optional()
}

fn to_json(row: &Row<'_>) -> rusqlite::Result<Value> {
    let id: String = row.get(0)?;
    let list = |column| row.get::<_, String>(column).map(|text| serde_json::from_str(&text).unwrap_or(json!([])));
    Ok(json!({
        "_id": id,
        "id": id,
        "from": row.get::<_, String>(1)?,
        "to": list(2)?,
        "cc": list(3)?,
        "bcc": list(4)?,
        "labels": list(5)?,
        "subject": row.get::<_, String>(6)?,
        "text": row.get::<_, String>(7)?,
        "html": row.get::<_, String>(8)?,
        "createdAt": Timestamp::from_millis(row.get(9)?).to_string(),
    }))
}

/// Delivers it to each recipient that has an inbox here.
fn send(sendook: &Sendook, inbox: &Inbox<'_>, message: &Message) -> Result<Value, Answer> {
    let (id, at) = (new_id("msg"), now());
    let sent = sendook.data.with(|connection| {
        let transaction = connection.transaction()?;
        insert(&transaction, &id, inbox.id, message, &message.bcc, at)?;
        let mut delivered = vec![inbox.id.to_owned()];
        for address in message.to.iter().chain(&message.cc).chain(&message.bcc) {
            let recipient: Option<String> = transaction
                .query_row("SELECT id FROM inboxes WHERE email = ?1", [address.to_lowercase()], |row| row.get(0))
                .optional()?;
            let Some(recipient) = recipient.filter(|recipient| !delivered.contains(recipient)) else { continue };
            // No recipient learns who got a blind copy.
            insert(&transaction, &new_id("msg"), &recipient, message, &[], at)?;
            delivered.push(recipient);
        }
        let sent = find(&transaction, inbox, &id)?;
        transaction.commit()?;
        Ok(sent)
    })?;
    sent.ok_or(Answer::Failed)
}

fn insert(
    transaction: &Transaction<'_>,
    id: &str,
    inbox: &str,
    message: &Message,
    bcc: &[String],
    at: Timestamp,
) -> rusqlite::Result<()> {
    let list = |items: &[String]| json!(items).to_string();
    let statement =
        format!("INSERT INTO inbox_messages (inbox, {COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)");
    transaction.prepare_cached(&statement)?.execute((
        inbox,
        id,
        &message.from,
        list(&message.to),
        list(&message.cc),
        list(bcc),
        list(&message.labels),
        &message.subject,
        &message.text,
        &message.html,
        at.as_millis(),
    ))?;
    Ok(())
}
