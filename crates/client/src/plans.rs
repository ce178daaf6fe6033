use http::Method;
use keyward_api_types::{CreatePlan, Page, Plan, PutPlan, RemovePlan};

use crate::client::Client;
use crate::error::ClientError;
use crate::request::Request;

/// Plans. Needs `plans:read`, or `plans:write` in the operator's account for changes.
impl Client {
    /// Lists all plans.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn plans(&self) -> Result<Vec<Plan>, ClientError> {
        self.ask::<Page<Plan>>(Request::get(&["plans"])).await.map(|page| page.data)
    }

    /// Adds a plan.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn create_plan(&self, name: &str, plan: &PutPlan) -> Result<Plan, ClientError> {
        let PutPlan { description, key_limit, scopes } = plan.clone();
        let body = CreatePlan { name: name.to_owned(), description, key_limit, scopes };
        self.ask(Request::idempotent(Method::POST, &["plans"])?.json(&body)).await
    }

    /// Changes a plan at this version.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn update_plan(&self, name: &str, plan: &PutPlan, version: u64) -> Result<Plan, ClientError> {
        self.ask(Request::idempotent(Method::PUT, &["plans", name])?.json(plan).if_match(version)).await
    }

    /// Removes a plan that no account has, at this version.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn remove_plan(&self, name: &str, version: u64) -> Result<(), ClientError> {
        self.send(Request::idempotent(Method::DELETE, &["plans", name])?.if_match(version)).await.map(drop)
    }

    /// Removes a plan at this version, also if accounts have it. They keep its name, and have no limits of a plan.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn remove_used_plan(&self, name: &str, version: u64) -> Result<(), ClientError> {
        let request = Request::idempotent(Method::DELETE, &["plans", name])?.if_match(version);
        self.send(request.query(&RemovePlan { force: Some(true) })).await.map(drop)
    }
}
