//! The routes. Each handler's signature states the scope that it needs.

use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Json, Path, ServiceConfig};
use actix_web::{HttpResponse, HttpResponseBuilder};
use keyward::Identity;
use keyward::actix::{Authenticated, Scoped};
use keyward::policy::{ByMode, InMode, Modal, ModeType};
use serde_json::{Map, Value, json};

use crate::objects::{Kind, Objects};

keyward::actix::scopes! {
    /// List and retrieve.
    pub(crate) ResourcesRead = "resources:read";
    /// Create, update and delete.
    pub(crate) ResourcesWrite = "resources:write";
    /// Enqueue and cancel.
    pub(crate) JobsWrite = "jobs:write";
    /// Manage endpoints.
    pub(crate) WebhooksWrite = "webhooks:write";
}

type Store = Data<ByMode<Objects>>;
type Body = Result<Json<Map<String, Value>>, actix_web::Error>;

pub(crate) fn configure(service: &mut ServiceConfig) {
    service
        .service(
            web::resource("/v1/resources")
                .get(async |caller: Scoped<ResourcesRead>, store: Store| list(&caller, &store, Kind::Resource))
                .head(async |caller: Scoped<ResourcesRead>, store: Store| list(&caller, &store, Kind::Resource))
                .post(async |caller: Scoped<ResourcesWrite>, store: Store, body: Body| {
                    create(&caller, &store, Kind::Resource, "name", body)
                }),
        )
        .service(
            web::resource("/v1/resources/{id}")
                .get(async |caller: Scoped<ResourcesRead>, store: Store, id: Path<String>| {
                    act(&caller, &store, Show(Kind::Resource, &id))
                })
                .patch(async |caller: Scoped<ResourcesWrite>, store: Store, id: Path<String>, body: Body| match body {
                    Ok(changes) => act(&caller, &store, Change(Kind::Resource, &id, &changes)),
                    Err(_) => problem(StatusCode::BAD_REQUEST, "Invalid body: expected a JSON object."),
                })
                .delete(async |caller: Scoped<ResourcesWrite>, store: Store, id: Path<String>| {
                    act(&caller, &store, Delete(Kind::Resource, &id))
                }),
        )
        .service(web::resource("/v1/jobs").post(async |caller: Scoped<JobsWrite>, store: Store, body: Body| {
            create(&caller, &store, Kind::Job, "type", body)
        }))
        .service(web::resource("/v1/jobs/{id}").delete(
            async |caller: Scoped<JobsWrite>, store: Store, id: Path<String>| {
                act(&caller, &store, Delete(Kind::Job, &id))
            },
        ))
        .service(
            web::resource("/v1/webhook_endpoints")
                .get(async |caller: Scoped<WebhooksWrite>, store: Store| list(&caller, &store, Kind::WebhookEndpoint))
                .post(async |caller: Scoped<WebhooksWrite>, store: Store, body: Body| {
                    create(&caller, &store, Kind::WebhookEndpoint, "url", body)
                }),
        )
        .service(web::resource("/v1/webhook_endpoints/{id}").delete(
            async |caller: Scoped<WebhooksWrite>, store: Store, id: Path<String>| {
                act(&caller, &store, Delete(Kind::WebhookEndpoint, &id))
            },
        ));
}

pub(crate) async fn no_such_endpoint(_: Authenticated) -> HttpResponse {
    problem(StatusCode::NOT_FOUND, "There is no such endpoint.")
}

/// The mode is a type, so the code cannot mix the two modes.
trait Action {
    fn run<M: ModeType>(self, caller: &Identity, objects: InMode<M, &Objects>) -> Answer;
}

type Answer = rusqlite::Result<Option<(StatusCode, Value)>>;

fn act(caller: &Identity, store: &ByMode<Objects>, action: impl Action) -> HttpResponse {
    let answer = match store.of(caller) {
        Modal::Live(objects) => action.run(caller, objects),
        Modal::Test(objects) => action.run(caller, objects),
    };
    match answer {
        Ok(Some((StatusCode::NO_CONTENT, _))) => HttpResponse::NoContent().finish(),
        Ok(Some((status, body))) => HttpResponseBuilder::new(status).json(body),
        Ok(None) => problem(StatusCode::NOT_FOUND, "There is no such object."),
        Err(error) => {
            tracing::error!(%error, "the database failed");
            problem(StatusCode::INTERNAL_SERVER_ERROR, "The request failed. Try again later.")
        }
    }
}

fn list(caller: &Identity, store: &ByMode<Objects>, kind: Kind) -> HttpResponse {
    act(caller, store, List(kind))
}

fn create(caller: &Identity, store: &ByMode<Objects>, kind: Kind, required: &'static str, body: Body) -> HttpResponse {
    match body {
        Ok(fields) if fields.get(required).is_some_and(|value| value.as_str().is_some_and(|text| !text.is_empty())) => {
            act(caller, store, Create(kind, &fields))
        }
        Ok(_) => problem(
            StatusCode::BAD_REQUEST,
            &format!("Missing field `{required}`: expected a string that is not empty."),
        ),
        Err(_) => problem(StatusCode::BAD_REQUEST, "Invalid body: expected a JSON object."),
    }
}

struct List(Kind);
struct Create<'a>(Kind, &'a Map<String, Value>);
struct Show<'a>(Kind, &'a str);
struct Change<'a>(Kind, &'a str, &'a Map<String, Value>);
struct Delete<'a>(Kind, &'a str);

impl Action for List {
    fn run<M: ModeType>(self, caller: &Identity, objects: InMode<M, &Objects>) -> Answer {
        let data: Vec<Value> =
            objects.list(self.0, caller.account())?.into_iter().map(|object| in_mode(object, &objects)).collect();
        Ok(Some((StatusCode::OK, json!({"data": data, "livemode": objects.livemode()}))))
    }
}

impl Action for Create<'_> {
    fn run<M: ModeType>(self, caller: &Identity, objects: InMode<M, &Objects>) -> Answer {
        let created = objects.add(self.0, caller.account(), self.1)?;
        Ok(Some((StatusCode::CREATED, in_mode(created, &objects))))
    }
}

impl Action for Show<'_> {
    fn run<M: ModeType>(self, caller: &Identity, objects: InMode<M, &Objects>) -> Answer {
        let found = objects.get(self.0, caller.account(), self.1)?;
        Ok(found.map(|found| (StatusCode::OK, in_mode(found, &objects))))
    }
}

impl Action for Change<'_> {
    fn run<M: ModeType>(self, caller: &Identity, objects: InMode<M, &Objects>) -> Answer {
        let changed = objects.change(self.0, caller.account(), self.1, self.2)?;
        Ok(changed.map(|changed| (StatusCode::OK, in_mode(changed, &objects))))
    }
}

impl Action for Delete<'_> {
    fn run<M: ModeType>(self, caller: &Identity, objects: InMode<M, &Objects>) -> Answer {
        let gone = objects.delete(self.0, caller.account(), self.1)?;
        Ok(gone.then_some((StatusCode::NO_CONTENT, Value::Null)))
    }
}

fn in_mode<M: ModeType>(mut object: Value, objects: &InMode<M, &Objects>) -> Value {
    object["livemode"] = objects.livemode().into();
    object
}

fn problem(status: StatusCode, detail: &str) -> HttpResponse {
    let title = status.canonical_reason();
    HttpResponseBuilder::new(status)
        .content_type("application/problem+json")
        .body(json!({"type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail}).to_string())
}
