use std::sync::Arc;

#[cfg(feature = "webhooks")]
use super::example_client::ExampleClient;
use super::security_headers::SecurityHeaders;
use super::settings::DashboardSettings;
use super::site_map::{self, SiteMap};
use crate::service::Management;

pub(super) type Route = site_map::Route<App>;

#[derive(Clone)]
pub(super) struct App(Arc<Parts>);

struct Parts {
    management: Management,
    settings: DashboardSettings,
    site_map: SiteMap,
    security_headers: SecurityHeaders,
    #[cfg(feature = "webhooks")]
    example_client: ExampleClient,
}

impl App {
    pub(super) fn new(management: Management, settings: DashboardSettings, site_map: SiteMap) -> Self {
        let security_headers = SecurityHeaders::of(&settings.embed_origins);
        Self(Arc::new(Parts {
            management,
            settings,
            site_map,
            security_headers,
            #[cfg(feature = "webhooks")]
            example_client: ExampleClient::default(),
        }))
    }

    pub(super) fn management(&self) -> &Management {
        &self.0.management
    }

    pub(super) fn settings(&self) -> &DashboardSettings {
        &self.0.settings
    }

    pub(super) fn site_map(&self) -> &SiteMap {
        &self.0.site_map
    }

    pub(super) fn security_headers(&self) -> &SecurityHeaders {
        &self.0.security_headers
    }

    #[cfg(feature = "webhooks")]
    pub(super) fn example_client(&self) -> &ExampleClient {
        &self.0.example_client
    }
}
