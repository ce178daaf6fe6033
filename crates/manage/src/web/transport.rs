#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use axum::body::Body;
use axum::extract::Request;
use http::header::USER_AGENT;
use keyward_axum::Axum;
use keyward_core::adapter::{Connection as _, RequestConnection, Transport};

use crate::actor::Context;
use crate::origin::{host_of, is_loopback};
use crate::service::Management;

pub(crate) struct Arrival {
    pub(crate) context: Context,
    pub(crate) transport: Transport,
    /// No network carries such a request.
    pub(crate) is_loopback: bool,
}

impl Arrival {
    pub(crate) fn of(request: &Request, management: &Management, request_id: &str) -> Self {
        let (proxies, connection) = (management.trusted_proxies(), connection(request));
        let mut context = Context::new().request_id(request_id);
        if let Some(address) = proxies.client(&connection) {
            context = context.address(address);
        }
        if let Some(peer) = connection.peer() {
            context = context.peer(peer);
        }
        if let Some(agent) = request.headers().get(USER_AGENT) {
            context = context.user_agent(&String::from_utf8_lossy(agent.as_bytes()));
        }
        Self { context, transport: proxies.transport(&connection), is_loopback: is_loopback(host_of(request)) }
    }

    pub(crate) fn is_exposed(&self) -> bool {
        self.transport == Transport::Plain && !self.is_loopback
    }
}

fn connection(request: &Request) -> RequestConnection<'_, Axum, Body> {
    RequestConnection::new(request)
}
