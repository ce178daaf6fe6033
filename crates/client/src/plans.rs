//! Plans.

use http::Method;
use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::error::ClientError;
use crate::page::Page;
use crate::request::Request;

/// A plan: what an account that has it may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Plan {
    /// Its name, which identities carry.
    pub name: String,
    /// What people are told of it.
    pub description: String,
    /// How many active keys an account may have; the server's own limit without this.
    pub key_limit: Option<u32>,
    /// Goes up by one whenever it is changed; for updates.
    pub version: u64,
}

/// What a plan is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PutPlan {
    /// What people are told of it.
    pub description: String,
    /// How many active keys an account may have; the server's own limit without this.
    pub key_limit: Option<u32>,
}

#[derive(Serialize)]
pub(crate) struct CreatePlan<'a> {
    pub(crate) name: &'a str,
    pub(crate) description: &'a str,
    pub(crate) key_limit: Option<u32>,
}

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
        let body = CreatePlan { name, description: &plan.description, key_limit: plan.key_limit };
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
