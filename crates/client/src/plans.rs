//! Plans.

use http::Method;
use keyward_api_types::{CreatePlan, Page, Plan, PutPlan};

use crate::client::Client;
use crate::error::ClientError;
use crate::request::Request;

/// Plans. What these need on the server: `plans:read`, and `plans:write` in the operator's account for changes.
impl Client {
    /// All plans.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn plans(&self) -> Result<Vec<Plan>, ClientError> {
        self.ask::<Page<Plan>>(Request::get(&["plans"])).await.map(|page| page.data)
    }

    /// Adds a plan.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn create_plan(&self, name: &str, plan: &PutPlan) -> Result<Plan, ClientError> {
        let body =
            CreatePlan { name: name.to_owned(), description: plan.description.clone(), key_limit: plan.key_limit };
        self.ask(Request::once(Method::POST, &["plans"])?.json(&body)).await
    }

    /// Makes a plan this, if it is at this version still.
    ///
    /// # Errors
    /// See [`ClientError`]; the status 412 if it is at another version.
    pub async fn update_plan(&self, name: &str, plan: &PutPlan, version: u64) -> Result<Plan, ClientError> {
        self.ask(Request::once(Method::PUT, &["plans", name])?.json(plan).if_match(version)).await
    }

    /// Takes a plan away, if it is at this version still. Accounts that have it keep its name.
    ///
    /// # Errors
    /// See [`ClientError`]; the status 412 if it is at another version.
    pub async fn remove_plan(&self, name: &str, version: u64) -> Result<(), ClientError> {
        self.send(Request::once(Method::DELETE, &["plans", name])?.if_match(version)).await.map(drop)
    }
}
