use serde_json::Value;

use super::{Case, Expected, Mismatch, Refused, Wire};

pub(super) struct Answer {
    pub(super) status: u16,
    /// In lower case.
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn code(&self) -> Option<String> {
        self.member("code")
    }

    fn member(&self, name: &str) -> Option<String> {
        let body: Value = serde_json::from_slice(&self.body).ok()?;
        Some(body.get(name)?.as_str()?.to_owned())
    }

    pub(super) fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_slice())
    }

    pub(super) fn challenges(&self) -> Vec<&str> {
        let values = self.headers.iter().filter(|(name, _)| name == "www-authenticate");
        values.map(|(_, value)| std::str::from_utf8(value).unwrap_or("not text")).collect()
    }

    pub(super) fn repeats(&self, key: &str) -> bool {
        let holds = |bytes: &[u8]| bytes.windows(key.len()).any(|window| window == key.as_bytes());
        holds(&self.body) || self.headers.iter().any(|(_, value)| holds(value))
    }
}

pub(super) fn challenge_error(challenge: &str) -> Option<&str> {
    let (_, rest) = challenge.split_once("error=\"")?;
    rest.split('"').next()
}

/// `None`: HTTP did not carry the request.
pub(super) fn compare(case: &Case, answer: Option<&Answer>, request_id: &str, key: &str) -> Result<(), Mismatch> {
    let Some(answer) = answer else {
        return if case.on_the_wire == Wire::Refused { Ok(()) } else { Err(case.mismatch("no answer")) };
    };
    let fault = match (case.on_the_wire, case.expected) {
        (Wire::Refused, _) if matches!(answer.status, 400 | 431) => None,
        (Wire::Refused, _) => Some(format!("status {}, expected 400 or 431 from the HTTP server", answer.status)),
        (_, Expected::Accepted) => accepted_fault(answer),
        (_, Expected::Refused(refused)) => refused_fault(answer, refused, request_id),
    };
    let fault = fault.or_else(|| answer.repeats(key).then(|| "an answer that repeats the key".to_owned()));
    fault.map_or(Ok(()), |fault| Err(case.mismatch(&fault)))
}

fn accepted_fault(answer: &Answer) -> Option<String> {
    let challenges = answer.challenges();
    if answer.status != 200 {
        Some(format!("status {}", answer.status))
    } else if !challenges.is_empty() {
        Some(format!("a challenge: {challenges:?}"))
    } else if !answer.header("cache-control").is_some_and(|value| value.starts_with(b"private")) {
        Some("an answer that a shared cache may keep".to_owned())
    } else {
        None
    }
}

fn refused_fault(answer: &Answer, refused: Refused, request_id: &str) -> Option<String> {
    let challenges = answer.challenges();
    if answer.status != refused.status {
        Some(format!("status {}", answer.status))
    } else if answer.code().as_deref() != Some(refused.code) {
        Some(format!("code {:?}", answer.code()))
    } else if !matches!(challenges[..], [one] if one.starts_with("Bearer realm=\"") && challenge_error(one) == refused.error)
    {
        Some(format!("the challenges {challenges:?}"))
    } else if answer.header("cache-control") != Some(b"no-store") {
        Some("an answer that a cache may keep".to_owned())
    } else if answer.header("x-request-id") != Some(request_id.as_bytes())
        || answer.member("request_id").as_deref() != Some(request_id)
    {
        Some("a request id that is not the one sent".to_owned())
    } else {
        None
    }
}
