use std::sync::Arc;

use tokio::sync::{Semaphore, SemaphorePermit};

#[cfg(feature = "webhooks")]
use super::example_client::ExampleClient;
use super::exports::Exports;
use super::security_headers::SecurityHeaders;
use super::settings::DashboardSettings;
use super::site_map::{self, SiteMap};
use crate::service::Management;

/// Files that a process reads at once.
const MOST_UPLOADS: usize = 4;

pub(super) type Route = site_map::Route<App>;

#[derive(Clone)]
pub(super) struct App(Arc<Parts>);

struct Parts {
    management: Management,
    settings: DashboardSettings,
    site_map: SiteMap,
    security_headers: SecurityHeaders,
    exports: Exports,
    uploads: Semaphore,
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
            exports: Exports::default(),
            uploads: Semaphore::new(MOST_UPLOADS),
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

    pub(super) fn exports(&self) -> &Exports {
        &self.0.exports
    }

    /// `None` if enough files are being read.
    pub(super) fn upload(&self) -> Option<SemaphorePermit<'_>> {
        self.0.uploads.try_acquire().ok()
    }
}
