#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use std::fmt;
use std::marker::PhantomData;

use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use bytes::Bytes;
use headers::{ContentType, HeaderMapExt as _};
use http::StatusCode;
use http::request::Parts;
use mime::Mime;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use super::problem::Problem;
use crate::error::ManagementError;

pub(crate) struct Input<T> {
    pub(crate) value: T,
    pub(crate) request: Zeroizing<Vec<u8>>,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Input<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(&request) {
            return Err(Problem::MediaType);
        }
        let (bytes, request) = read_whole(request, state).await?;
        Ok(Self { value: parse(&bytes)?, request })
    }
}

fn is_json(request: &Request) -> bool {
    let kind = request.headers().typed_get::<ContentType>().map(Mime::from);
    kind.is_some_and(|kind| kind.essence_str() == mime::APPLICATION_JSON)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let refused = |field: &str, error: &serde_json::Error| match error.classify() {
        serde_json::error::Category::Data => {
            let field = if field == "." { String::new() } else { format!("`{field}`: ") };
            Problem::Management(ManagementError::invalid("body", format!("{field}{error}")))
        }
        _ => Problem::Unreadable(format!("the body is not JSON: {error}")),
    };
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let Object(value) = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| refused(&error.path().to_string(), error.inner()))?;
    json.end().map_err(|error| refused(".", &error))?;
    Ok(value)
}

/// Input whose body may be empty.
pub(crate) struct OptionalInput<T>(pub(crate) Input<T>);

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalInput<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let is_json = is_json(&request);
        let (bytes, request) = read_whole(request, state).await?;
        let value = match (bytes.is_empty(), is_json) {
            (true, _) => T::default(),
            (false, true) => parse(&bytes)?,
            (false, false) => return Err(Problem::MediaType),
        };
        Ok(Self(Input { value, request }))
    }
}

pub(crate) struct NoInput(pub(crate) Zeroizing<Vec<u8>>);

impl<S: Send + Sync> FromRequest<S> for NoInput {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        Ok(Self(read_whole(request, state).await?.1))
    }
}

/// serde also reads structs from arrays, by position. Nested structs must be `Object`s too.
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(members)).map(Object)
            }
        }

        from.deserialize_map(Members(PhantomData))
    }
}

pub(crate) struct PathParam<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for PathParam<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // Nothing has a malformed id, so it is not found.
        let found: Result<Path<T>, PathRejection> = Path::from_request_parts(parts, state).await;
        found
            .map(|Path(value)| Self(value))
            .map_err(|_| Problem::Management(ManagementError::NotFound("thing with this id")))
    }
}

pub(crate) struct QueryParams<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for QueryParams<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let found: Result<Query<T>, QueryRejection> = Query::from_request_parts(parts, state).await;
        found.map(|Query(value)| Self(value)).map_err(|error| Problem::Unreadable(error.body_text()))
    }
}

pub(crate) fn unreadable_body(rejection: BytesRejection) -> Problem {
    match rejection {
        BytesRejection::FailedToBufferBody(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::TooLarge
        }
        _ => Problem::Unreadable("the body cannot be read".to_owned()),
    }
}

async fn read_whole<S: Send + Sync>(request: Request, state: &S) -> Result<(Bytes, Zeroizing<Vec<u8>>), Problem> {
    let mut all = Zeroizing::new(format!("{} {}\n", request.method(), request.uri()).into_bytes());
    let bytes = Bytes::from_request(request, state).await.map_err(unreadable_body)?;
    all.extend_from_slice(&bytes);
    Ok((bytes, all))
}

#[cfg(test)]
mod tests {
    use keyward_api_types::PutLimits;

    use super::*;

    #[test]
    fn errors_of_bodies_name_the_field() {
        for (body, field) in [
            (r#"{"rates":[{"name":"a","quota":1.5,"window_seconds":1}]}"#, "`rates[0].quota`: 1.5 is no whole number"),
            (r#"{"budget":{"credits":"5"}}"#, "`budget.credits`: invalid type"),
            (r#"{"tasks":-1}"#, "`tasks`: -1 is no whole number"),
            ("[]", "invalid type: sequence"),
        ] {
            let refused = parse::<PutLimits>(body.as_bytes()).map(drop);
            let Err(Problem::Management(ManagementError::Invalid { field: "body", message })) = refused else {
                panic!("{body}");
            };
            assert!(message.starts_with(field), "{message}");
        }
        for body in ["{", "{} {}", "{},"] {
            assert!(matches!(parse::<PutLimits>(body.as_bytes()), Err(Problem::Unreadable(_))), "{body}");
        }
    }
}
