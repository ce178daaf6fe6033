use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use keyward::lifecycle::KeysError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

const MAX_BODY: usize = 64 * 1024;

pub(crate) type Response = http::Response<Full<Bytes>>;

#[derive(Debug)]
pub(crate) enum Answer {
    NotFound,
    NeedsAccessToken,
    NeedsApiKey,
    OtherOrganization,
    Invalid(String),
    WrongPassword,
    TooManySignIns,
    EmailTaken,
    InboxTaken,
    /// The log has the reason.
    Failed,
}

impl Answer {
    pub(crate) fn into_response(self) -> Response {
        let (status, code, message) = match &self {
            Self::NotFound => (404, "NOT_FOUND", "Not found. Check the path and the id."),
            Self::NeedsAccessToken => (403, "ACCESS_TOKEN_REQUIRED", "This endpoint needs an access token. Log in."),
            Self::NeedsApiKey => (403, "API_KEY_REQUIRED", "This endpoint needs an API key, not an access token."),
            Self::OtherOrganization => (403, "OTHER_ORGANIZATION", "This credential belongs to another organization."),
            Self::Invalid(message) => (400, "INVALID_REQUEST", message.as_str()),
            Self::WrongPassword => (401, "INVALID_CREDENTIALS", "The e-mail address or the password is wrong."),
            Self::TooManySignIns => (429, "TOO_MANY_SIGN_INS", "Too many attempts. Wait a minute."),
            Self::EmailTaken => (409, "EMAIL_TAKEN", "A user with this e-mail address exists. Log in instead."),
            Self::InboxTaken => (409, "INBOX_TAKEN", "An inbox with this address exists. Choose another address."),
            Self::Failed => (500, "INTERNAL_ERROR", "The request failed. Try again later."),
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = json_response(status, &json!({"error": {"code": code, "message": message}}));
        let headers = response.headers_mut();
        match self {
            // RFC 9110 section 15.5.2: a 401 has a challenge.
            Self::WrongPassword => {
                headers.insert("www-authenticate", http::HeaderValue::from_static("Bearer realm=\"api\""));
            }
            Self::TooManySignIns => {
                headers.insert("retry-after", 60.into());
            }
            _ => {}
        }
        response
    }
}

impl From<rusqlite::Error> for Answer {
    fn from(error: rusqlite::Error) -> Self {
        tracing::error!(%error, "the database failed");
        Self::Failed
    }
}

impl From<KeysError> for Answer {
    fn from(error: KeysError) -> Self {
        match error {
            KeysError::Denied(keyward::store::WriteRefused::NotFound) => Self::NotFound,
            KeysError::Name(_) => Self::Invalid(error.to_string()),
            other => {
                tracing::error!(error = %other, "a key operation failed");
                Self::Failed
            }
        }
    }
}

pub(crate) fn json_response(status: StatusCode, body: &impl Serialize) -> Response {
    let text = serde_json::to_vec(body).unwrap_or_default();
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
    response
}

pub(crate) fn ok(body: &impl Serialize) -> Response {
    json_response(StatusCode::OK, body)
}

pub(crate) fn created(body: &impl Serialize) -> Response {
    json_response(StatusCode::CREATED, body)
}

pub(crate) async fn read<T: DeserializeOwned>(request: Request<Incoming>) -> Result<T, Answer> {
    let body = Limited::new(request.into_body(), MAX_BODY);
    let bytes = body.collect().await.map_err(|error| Answer::Invalid(format!("Cannot read the body: {error}.")))?;
    serde_json::from_slice(&bytes.to_bytes()).map_err(|error| Answer::Invalid(format!("Invalid body: {error}.")))
}
