use std::sync::Arc;

use super::security_headers::SecurityHeaders;
use super::settings::DashboardSettings;
use super::site_map::{self, SiteMap};
use crate::service::Management;

pub(super) type Route = site_map::Route<App>;

#[derive(Clone)]
pub(super) struct App(Arc<(Management, DashboardSettings, SiteMap, SecurityHeaders)>);

impl App {
    pub(super) fn new(management: Management, settings: DashboardSettings, site_map: SiteMap) -> Self {
        let headers = SecurityHeaders::of(&settings.embed_origins);
        Self(Arc::new((management, settings, site_map, headers)))
    }

    pub(super) fn management(&self) -> &Management {
        &self.0.0
    }

    pub(super) fn settings(&self) -> &DashboardSettings {
        &self.0.1
    }

    pub(super) fn site_map(&self) -> &SiteMap {
        &self.0.2
    }

    pub(super) fn security_headers(&self) -> &SecurityHeaders {
        &self.0.3
    }
}
