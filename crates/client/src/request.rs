//! Requests: how they are put together, sent, repeated, and their answers read.

use std::time::{Duration, SystemTime};

use backon::{ExponentialBuilder, Retryable};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, IF_MATCH, RETRY_AFTER};
use http::{HeaderValue, Method, StatusCode};
use keyward_api_types::{Problem, Secret};
use reqwest::Url;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::client::{Client, Server};
use crate::error::ClientError;

/// How often something is tried again, at most.
const AGAIN: usize = 2;
/// A server that wants a longer pause than this is not waited for.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A request that is being put together.
pub(crate) struct Request {
    method: Method,
    /// Of the path behind `v1`.
    segments: Vec<String>,
    query: Vec<(&'static str, String)>,
    body: Option<Bytes>,
    if_match: Option<u64>,
    repeat: Repeat,
    /// Whether it goes without a credential.
    open: bool,
}

/// Whether a request may be sent again when nobody knows what became of it.
enum Repeat {
    /// It changes nothing.
    Reading,
    /// The server carries it out once for this key.
    Once(String),
    Never,
}

/// An answer of the server's that is none of a problem.
pub(crate) struct Answer {
    status: u16,
    /// It may hold a key.
    body: Zeroizing<Vec<u8>>,
}

impl Request {
    fn new(method: Method, path: &[&str], repeat: Repeat) -> Self {
        Self {
            method,
            segments: path.iter().map(|&segment| segment.to_owned()).collect(),
            query: Vec::new(),
            body: None,
            if_match: None,
            repeat,
            open: false,
        }
    }

    /// What changes nothing.
    pub(crate) fn get(path: &[&str]) -> Self {
        Self::new(Method::GET, path, Repeat::Reading)
    }

    /// What the server does once, however often it is sent.
    pub(crate) fn once(method: Method, path: &[&str]) -> Result<Self, ClientError> {
        let mut random = [0_u8; 16];
        getrandom::fill(&mut random).map_err(|_| ClientError::Random)?;
        Ok(Self::new(method, path, Repeat::Once(hex::encode(random))))
    }

    /// What the server does as often as it is sent.
    pub(crate) fn post(path: &[&str]) -> Self {
        Self::new(Method::POST, path, Repeat::Never)
    }

    /// Without a credential.
    pub(crate) fn open(mut self) -> Self {
        self.open = true;
        self
    }

    /// With what stands behind the question mark, if there is something.
    pub(crate) fn query(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.query.extend(value.map(|value| (name, value.to_string())));
        self
    }

    pub(crate) fn if_match(mut self, version: u64) -> Self {
        self.if_match = Some(version);
        self
    }

    pub(crate) fn json(mut self, body: &impl Serialize) -> Self {
        // What is sent has text as the keys of its maps, and nothing else that JSON lacks.
        let text = Zeroizing::new(serde_json::to_vec(body).unwrap_or_default());
        self.body = Some(Bytes::from_owner(text));
        self
    }

    fn url(&self, base: &Url) -> Result<Url, ClientError> {
        let mut url = base.clone();
        // Dots would lead to another path, however they are written.
        if self.segments.iter().any(|segment| matches!(segment.as_str(), "" | "." | "..")) {
            return Err(ClientError::Id);
        }
        let mut path = url.path_segments_mut().map_err(|()| ClientError::Id)?;
        path.pop_if_empty().push("v1").extend(&self.segments);
        drop(path);
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        Ok(url)
    }

    /// Whether it may be sent again after this.
    fn may_follow(&self, error: &ClientError) -> bool {
        let safe = !matches!(self.repeat, Repeat::Never);
        match error {
            ClientError::Unreachable(cause) => safe || cause.is_connect(),
            ClientError::Refused(problem) => match problem.status {
                // It was turned away before anything was done.
                429 => true,
                503 if problem.code == "BUSY" => true,
                502..=504 => safe,
                // Its first sending is being carried out.
                409 => safe && problem.code == "REQUEST_IN_PROGRESS",
                _ => false,
            },
            // What stands in front of the server says it in its own words.
            ClientError::Unexpected { status, .. } => safe && matches!(status, 502..=504),
            _ => false,
        }
    }
}

/// How long to wait, if it is worth it: at least as long as the server says.
fn pause(error: &ClientError, pause: Option<Duration>) -> Option<Duration> {
    let wanted = error.retry_after().unwrap_or_default();
    pause.filter(|_| wanted <= LONGEST_PAUSE).map(|pause| pause.max(wanted))
}

impl Client {
    /// Sends a request, and again if that is safe and may help.
    pub(crate) async fn send(&self, request: Request) -> Result<Answer, ClientError> {
        let url = request.url(&self.server.base)?;
        // Once for all tries: an answer is given again to the same credential only.
        let authorization = match &self.credential {
            _ if request.open => None,
            Some(credential) => Some(credential.header().await?),
            None => return Err(ClientError::NoToken("this needs a credential, and the client has none".to_owned())),
        };
        let pauses = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(200))
            .with_max_delay(LONGEST_PAUSE)
            .with_max_times(AGAIN)
            .with_jitter();
        (|| self.server.attempt(&request, &url, authorization.as_ref()))
            .retry(pauses)
            .when(|error| request.may_follow(error))
            .adjust(pause)
            .notify(|error: &ClientError, pause| tracing::debug!(%error, ?pause, "it is tried again"))
            .await
    }

    /// Sends a request whose answer is this.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, request: Request) -> Result<T, ClientError> {
        self.send(request).await?.read()
    }
}

impl Server {
    async fn attempt(
        &self,
        request: &Request,
        url: &Url,
        authorization: Option<&HeaderValue>,
    ) -> Result<Answer, ClientError> {
        let mut sending = self.http.request(request.method.clone(), url.clone()).header(ACCEPT, "application/json");
        if let Some(authorization) = authorization {
            sending = sending.header(AUTHORIZATION, authorization);
        }
        if let Repeat::Once(key) = &request.repeat {
            sending = sending.header("idempotency-key", key);
        }
        if let Some(version) = request.if_match {
            sending = sending.header(IF_MATCH, format!("\"{version}\""));
        }
        if let Some(body) = &request.body {
            sending = sending.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        let mut response = sending.send().await.map_err(ClientError::transport)?;
        let (status, retry_after) =
            (response.status(), retry_after(response.headers().get(RETRY_AFTER), SystemTime::now()));
        let expected = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(64 * 1_024);
        if expected > self.most {
            return Err(ClientError::TooLarge(self.most));
        }
        // At once as large as it has to be, so that growing leaves nothing of it behind.
        let mut body = Zeroizing::new(Vec::with_capacity(expected));
        while let Some(part) = response.chunk().await.map_err(ClientError::transport)? {
            if body.len() + part.len() > self.most {
                return Err(ClientError::TooLarge(self.most));
            }
            body.extend_from_slice(&part);
        }
        tracing::debug!(method = %request.method, path = url.path(), status = status.as_u16(), "answered");
        let answer = Answer { status: status.as_u16(), body };
        if status.is_success() { Ok(answer) } else { Err(answer.problem(status, retry_after)) }
    }
}

/// Copies a secret into the message that carries it. The message erases its copy.
pub(crate) fn copy(secret: &Secret) -> Secret {
    Secret::new(secret.expose())
}

/// Reads a `Retry-After`: a number of seconds, or a date (RFC 9110, section 10.2.3). A proxy may write either. A date that has
/// passed means now.
fn retry_after(field: Option<&HeaderValue>, now: SystemTime) -> Option<Duration> {
    let text = field?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

impl Answer {
    #[cfg(test)]
    pub(crate) fn of(status: u16, body: &[u8]) -> Self {
        Self { status, body: Zeroizing::new(body.to_vec()) }
    }

    /// The answer as this.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        // What serde would say of it may quote a secret.
        serde_json::from_slice(&self.body)
            .map_err(|_| ClientError::Unexpected { status: self.status, why: "its body is not what was asked for" })
    }

    fn problem(&self, status: StatusCode, retry_after: Option<Duration>) -> ClientError {
        if status.is_redirection() {
            let why = "it points to another URL, to which no credential is sent: give that URL yourself";
            return ClientError::Unexpected { status: self.status, why };
        }
        match serde_json::from_slice::<Problem>(&self.body) {
            Ok(problem) => Box::new(Problem { status: self.status, retry_after, ..problem }).into(),
            Err(_) => ClientError::Unexpected { status: self.status, why: "its body is no problem document" },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: &str, retry_after: Option<u64>) -> ClientError {
        let retry_after = retry_after.map(Duration::from_secs);
        Box::new(Problem { retry_after, ..Problem::new(status, code, "", "") }).into()
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        for (field, expected) in [
            ("120", Some(120)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
            ("Sunday, 06-Nov-94 08:50:07 GMT", Some(30)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            let value = HeaderValue::from_static(field);
            assert_eq!(retry_after(Some(&value), now), expected.map(Duration::from_secs), "{field}");
        }
    }

    #[test]
    fn only_what_is_safe_is_repeated() {
        let in_progress = || refused(409, "REQUEST_IN_PROGRESS", Some(1));
        for (error, safe, unsafe_) in [
            (refused(429, "RATE_LIMIT_EXCEEDED", Some(1)), true, true),
            (refused(503, "SERVICE_UNAVAILABLE", Some(1)), true, false),
            (refused(503, "BUSY", Some(6)), true, true),
            (ClientError::Unexpected { status: 502, why: "" }, true, false),
            (in_progress(), true, false),
            (refused(409, "KEY_ENDED", None), false, false),
            (refused(500, "INTERNAL_ERROR", None), false, false),
            (refused(412, "PRECONDITION_FAILED", None), false, false),
            (refused(401, "INVALID_API_KEY", None), false, false),
            (ClientError::TooLarge(1), false, false),
        ] {
            assert_eq!(Request::get(&["keys"]).may_follow(&error), safe, "{error:?}");
            assert_eq!(Request::once(Method::POST, &["keys"]).unwrap().may_follow(&error), safe, "{error:?}");
            assert_eq!(Request::post(&["tokens"]).may_follow(&error), unsafe_, "{error:?}");
        }
    }

    #[test]
    fn the_server_says_how_long_to_wait_within_bounds() {
        let own = Some(Duration::from_millis(300));
        for (wanted, own, waited) in [
            (None, own, own),
            (Some(0), own, own),
            (Some(2), own, Some(Duration::from_secs(2))),
            (Some(10), own, Some(Duration::from_secs(10))),
            (Some(11), own, None),
            (Some(2), None, None),
        ] {
            assert_eq!(pause(&refused(429, "", wanted), own), waited, "{wanted:?}");
        }
    }

    #[test]
    fn an_id_stays_one_segment_of_the_path() {
        let base = Url::parse("https://example.com/below/").unwrap();
        let path = |id: &str| Request::get(&["keys", id]).url(&base).map(|url| url.path().to_owned());
        assert_eq!(path("key_1").unwrap(), "/below/v1/keys/key_1");
        assert_eq!(path("a/b?c#d%2e").unwrap(), "/below/v1/keys/a%2Fb%3Fc%23d%252e");
        for id in ["..", ".", ""] {
            assert!(matches!(path(id), Err(ClientError::Id)), "{id}");
        }
    }
}
