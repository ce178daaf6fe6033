//! Requests: building, sending, retrying, and reading answers.

use std::time::{Duration, SystemTime};

use backon::{ExponentialBuilder, Retryable};
use bytes::Bytes;
use headers::{ContentType, ETag, HeaderMapExt as _, IfMatch};
use http::header::{ACCEPT, AUTHORIZATION, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use keyward_api_types::{PageParams, Problem, Secret};
use reqwest::Url;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::client::{Client, Server};
use crate::error::ClientError;

const MAX_RETRIES: usize = 2;
const MAX_PAUSE: Duration = Duration::from_secs(10);

pub(crate) struct Request {
    method: Method,
    segments: Vec<String>,
    query: String,
    body: Option<Bytes>,
    if_match: Option<ETag>,
    repeat: Repeat,
    open: bool,
}

enum Repeat {
    Reading,
    Idempotent(String),
    Never,
}

pub(crate) struct Answer {
    status: u16,
    /// May contain a key.
    body: Zeroizing<Vec<u8>>,
}

impl Request {
    fn new(method: Method, path: &[&str], repeat: Repeat) -> Self {
        Self {
            method,
            segments: path.iter().map(|&segment| segment.to_owned()).collect(),
            query: String::new(),
            body: None,
            if_match: None,
            repeat,
            open: false,
        }
    }

    pub(crate) fn get(path: &[&str]) -> Self {
        Self::new(Method::GET, path, Repeat::Reading)
    }

    pub(crate) fn idempotent(method: Method, path: &[&str]) -> Result<Self, ClientError> {
        let mut random = [0_u8; 16];
        getrandom::fill(&mut random).map_err(|_| ClientError::Random)?;
        Ok(Self::new(method, path, Repeat::Idempotent(hex::encode(random))))
    }

    pub(crate) fn post(path: &[&str]) -> Self {
        Self::new(Method::POST, path, Repeat::Never)
    }

    pub(crate) fn open(mut self) -> Self {
        self.open = true;
        self
    }

    pub(crate) fn query(mut self, params: &impl Serialize) -> Self {
        // A struct of plain values always fits a query.
        self.query = serde_urlencoded::to_string(params).unwrap_or_default();
        self
    }

    pub(crate) fn page(self, after: Option<&str>) -> Self {
        self.query(&PageParams { after: after.map(str::to_owned), limit: None })
    }

    pub(crate) fn if_match(mut self, version: u64) -> Self {
        // A number in quotes is an entity tag. Without the header, the server refuses the update.
        self.if_match = format!("\"{version}\"").parse().ok();
        self
    }

    pub(crate) fn json(mut self, body: &impl Serialize) -> Self {
        // Every body serializes: the keys of its maps are strings.
        let text = Zeroizing::new(serde_json::to_vec(body).unwrap_or_default());
        self.body = Some(Bytes::from_owner(text));
        self
    }

    fn url(&self, base: &Url) -> Result<Url, ClientError> {
        let mut url = base.clone();
        // The URL parser would resolve dots to another path.
        if self.segments.iter().any(|segment| matches!(segment.as_str(), "" | "." | "..")) {
            return Err(ClientError::Id);
        }
        let mut path = url.path_segments_mut().map_err(|()| ClientError::Id)?;
        path.pop_if_empty().push("v1").extend(&self.segments);
        drop(path);
        if !self.query.is_empty() {
            url.set_query(Some(&self.query));
        }
        Ok(url)
    }

    fn may_follow(&self, error: &ClientError) -> bool {
        let safe = !matches!(self.repeat, Repeat::Never);
        match error {
            ClientError::Unreachable(cause) => safe || cause.is_connect(),
            ClientError::Refused(problem) => match problem.status {
                // Refused before anything was done.
                429 => true,
                503 if problem.code == "BUSY" => true,
                502..=504 => safe,
                // The first attempt is still running.
                409 => safe && problem.code == "REQUEST_IN_PROGRESS",
                _ => false,
            },
            // A proxy in front of the server has another format.
            ClientError::Unexpected { status, .. } => safe && matches!(status, 502..=504),
            _ => false,
        }
    }
}

fn pause(error: &ClientError, pause: Option<Duration>) -> Option<Duration> {
    let wanted = error.retry_after().unwrap_or_default();
    pause.filter(|_| wanted <= MAX_PAUSE).map(|pause| pause.max(wanted))
}

impl Client {
    pub(crate) async fn send(&self, request: Request) -> Result<Answer, ClientError> {
        let url = request.url(&self.server.base)?;
        // One credential for all attempts: the server repeats an answer only to the same credential.
        let authorization = match &self.credential {
            _ if request.open => None,
            Some(credential) => Some(credential.header().await?),
            None => {
                return Err(ClientError::NoToken("no credential: give the client a key or an access token".to_owned()));
            }
        };
        let pauses = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(200))
            .with_max_delay(MAX_PAUSE)
            .with_max_times(MAX_RETRIES)
            .with_jitter();
        (|| self.server.attempt(&request, &url, authorization.as_ref()))
            .retry(pauses)
            .when(|error| request.may_follow(error))
            .adjust(pause)
            .notify(|error: &ClientError, pause| tracing::debug!(%error, ?pause, "retrying"))
            .await
    }

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
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(authorization) = authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        if let Some(tag) = &request.if_match {
            headers.typed_insert(IfMatch::from(tag.clone()));
        }
        let mut sending = self.http.request(request.method.clone(), url.clone());
        if let Repeat::Idempotent(key) = &request.repeat {
            sending = sending.header("idempotency-key", key);
        }
        if let Some(body) = &request.body {
            headers.typed_insert(ContentType::json());
            sending = sending.body(body.clone());
        }
        let sending = sending.headers(headers);
        let mut response = sending.send().await.map_err(ClientError::transport)?;
        let (status, retry_after) =
            (response.status(), retry_after(response.headers().get(RETRY_AFTER), SystemTime::now()));
        let expected = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(64 * 1_024);
        if expected > self.max_answer {
            return Err(ClientError::TooLarge(self.max_answer));
        }
        // Allocated at full size, because growing would leave copies behind.
        let mut body = Zeroizing::new(Vec::with_capacity(expected));
        while let Some(part) = response.chunk().await.map_err(ClientError::transport)? {
            if body.len() + part.len() > self.max_answer {
                return Err(ClientError::TooLarge(self.max_answer));
            }
            body.extend_from_slice(&part);
        }
        tracing::debug!(method = %request.method, path = url.path(), status = status.as_u16(), "answered");
        let answer = Answer { status: status.as_u16(), body };
        if status.is_success() { Ok(answer) } else { Err(answer.problem(status, retry_after)) }
    }
}

pub(crate) fn copy(secret: &Secret) -> Secret {
    Secret::new(secret.expose())
}

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

    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        // serde's error may quote a secret.
        serde_json::from_slice(&self.body)
            .map_err(|_| ClientError::Unexpected { status: self.status, why: self.form() })
    }

    fn problem(&self, status: StatusCode, retry_after: Option<Duration>) -> ClientError {
        if status.is_redirection() {
            let why = "it redirects to another URL, which gets no credential; use that URL directly";
            return ClientError::Unexpected { status: self.status, why };
        }
        match serde_json::from_slice::<Problem>(&self.body) {
            Ok(problem) => Box::new(Problem { status: self.status, retry_after, ..problem }).into(),
            Err(_) => ClientError::Unexpected { status: self.status, why: self.form() },
        }
    }

    fn form(&self) -> &'static str {
        match self.body.trim_ascii_start().first() {
            None => "the body is empty",
            Some(b'<') => "the body is a web page",
            Some(_) => "the body has another form",
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
    fn unreadable_bodies_are_not_shown() {
        #[derive(Debug, serde::Deserialize)]
        struct Odd {
            #[allow(dead_code, reason = "it is never read")]
            key: u8,
        }
        let error = Answer::of(200, br#"{"key":"kw_live_canary"}"#).read::<Odd>().unwrap_err();
        assert!(!format!("{error:?} {error}").contains("canary"), "{error:?}");
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
            assert_eq!(Request::idempotent(Method::POST, &["keys"]).unwrap().may_follow(&error), safe, "{error:?}");
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
