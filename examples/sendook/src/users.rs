use std::num::NonZeroU32;
use std::sync::LazyLock;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use http::{Method, Request};
use hyper::body::Incoming;
use keyward::id::UserId;
use keyward::{AccountId, AccountRecord, Identity, NewKey};
use rusqlite::{ErrorCode, OptionalExtension};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Sendook;
use crate::answer::{Answer, Response, created, ok, read};
use crate::inboxes;

const ATTEMPTS: NonZeroU32 = NonZeroU32::new(10).expect("ten is not zero");

#[derive(Deserialize)]
pub(crate) struct Registration {
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) email: String,
    pub(crate) password: String,
}

#[derive(Deserialize)]
struct Login {
    email: String,
    password: String,
}

pub(crate) struct Registered {
    pub(crate) user: UserId,
    pub(crate) organization: AccountId,
    pub(crate) key: String,
}

pub(crate) async fn register(sendook: &Sendook, request: Request<Incoming>) -> Result<Response, Answer> {
    let registered = add(sendook, read(request).await?).await?;
    let token = sendook.tokens.issue(&registered.user, &registered.organization)?.expose_once();
    let user = user_to_json(sendook, &registered.user)?;
    Ok(created(&json!({"user": user, "token": *token, "apiKey": registered.key})))
}

pub(crate) async fn add(sendook: &Sendook, new: Registration) -> Result<Registered, Answer> {
    let is_address = new.email.len() <= 254
        && new.email.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
        && !new.email.contains(char::is_whitespace);
    if !is_address {
        return Err(Answer::Invalid("Invalid field `email`: expected an e-mail address.".into()));
    }
    if !(8..=200).contains(&new.password.chars().count()) {
        return Err(Answer::Invalid("Invalid field `password`: expected 8 to 200 characters.".into()));
    }
    for name in [&new.first_name, &new.last_name] {
        if !(1..=100).contains(&name.trim().chars().count()) {
            return Err(Answer::Invalid(
                "Invalid field `first_name` or `last_name`: expected 1 to 100 characters.".into(),
            ));
        }
    }
    let password = sendook.passwords.hash(new.password).await?;
    let (user, organization) = (UserId::generate(), AccountId::generate());
    let added = sendook.data.with(|connection| {
        connection.execute(
            "INSERT INTO users (id, organization, email, first_name, last_name, password) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (user.as_str(), organization.as_str(), &new.email, &new.first_name, &new.last_name, &password),
        )
    });
    match added {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
            return Err(Answer::EmailTaken);
        }
        other => other?,
    };
    let name = format!("{}'s organization", new.first_name.trim());
    sendook.keys.put_account(&AccountRecord::new(organization.clone(), name)).await?;
    let key = sendook.keys.issue(NewKey::secret(organization.clone(), "Default")).await?.key.expose_once().to_string();
    inboxes::add(sendook, &organization, "Default", None)?;
    Ok(Registered { user, organization, key })
}

pub(crate) async fn login(sendook: &Sendook, request: Request<Incoming>) -> Result<Response, Answer> {
    static SIGN_INS: LazyLock<DefaultKeyedRateLimiter<String>> =
        LazyLock::new(|| RateLimiter::keyed(Quota::per_minute(ATTEMPTS)));
    let login: Login = read(request).await?;
    if SIGN_INS.check_key(&login.email.to_lowercase()).is_err() {
        return Err(Answer::TooManySignIns);
    }
    let known: Option<(String, String, String)> = sendook.data.with(|connection| {
        connection
            .query_row("SELECT id, organization, password FROM users WHERE email = ?1", [&login.email], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()
    })?;
    let stored = known.as_ref().map(|(_, _, password)| password.clone());
    let is_right = sendook.passwords.verify(login.password, stored).await?;
    let Some((user, organization, _)) = known.filter(|_| is_right) else { return Err(Answer::WrongPassword) };
    let user = user.parse().map_err(|_| Answer::Failed)?;
    let token = sendook.tokens.issue(&user, &organization.parse().map_err(|_| Answer::Failed)?)?.expose_once();
    Ok(ok(&json!({"user": user_to_json(sendook, &user)?, "token": *token})))
}

pub(crate) async fn manage(
    sendook: &Sendook,
    caller: &Identity,
    path: &[&str],
    request: Request<Incoming>,
) -> Result<Response, Answer> {
    let user = caller.user().ok_or(Answer::NeedsAccessToken)?;
    match (request.method(), path) {
        (&Method::GET, ["user"]) => Ok(ok(&user_to_json(sendook, user)?)),
        (&Method::POST, ["refresh"]) => {
            let token = sendook.tokens.issue(user, caller.account())?.expose_once();
            sendook.tokens.end(caller.id())?;
            Ok(ok(&json!({"user": user_to_json(sendook, user)?, "token": *token})))
        }
        (&Method::POST, ["logout"]) => {
            sendook.tokens.end(caller.id())?;
            Ok(ok(&json!({"ok": true})))
        }
        _ => Err(Answer::NotFound),
    }
}

fn user_to_json(sendook: &Sendook, user: &UserId) -> Result<Value, Answer> {
    Ok(sendook.data.with(|connection| {
        connection.query_row(
            "SELECT id, organization, email, first_name, last_name FROM users WHERE id = ?1",
            [user.as_str()],
            |row| {
                Ok(json!({
                    "_id": row.get::<_, String>(0)?,
                    "id": row.get::<_, String>(0)?,
                    "organizationId": row.get::<_, String>(1)?,
                    "email": row.get::<_, String>(2)?,
                    "firstName": row.get::<_, String>(3)?,
                    "lastName": row.get::<_, String>(4)?,
                }))
            },
        )
    })?)
}
