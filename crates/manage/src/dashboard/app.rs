use std::sync::Arc;

use tokio::sync::{Semaphore, SemaphorePermit};

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
    headers: SecurityHeaders,
    exports: Exports,
    uploads: Semaphore,
}

impl App {
    pub(super) fn new(management: Management, settings: DashboardSettings, site_map: SiteMap) -> Self {
        let headers = SecurityHeaders::of(&settings.embed_origins);
        let (exports, uploads) = (Exports::default(), Semaphore::new(MOST_UPLOADS));
        Self(Arc::new(Parts { management, settings, site_map, headers, exports, uploads }))
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
        &self.0.headers
    }

    pub(super) fn exports(&self) -> &Exports {
        &self.0.exports
    }

    /// `None` if enough files are being read.
    pub(super) fn upload(&self) -> Option<SemaphorePermit<'_>> {
        self.0.uploads.try_acquire().ok()
    }
}
