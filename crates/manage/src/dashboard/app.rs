use std::sync::Arc;

use super::settings::DashboardSettings;
use super::site_map::{self, SiteMap};
use crate::service::Management;

pub(super) type Route = site_map::Route<App>;

#[derive(Clone)]
pub(super) struct App(Arc<(Management, DashboardSettings, SiteMap)>);

impl App {
    pub(super) fn new(management: Management, settings: DashboardSettings, site_map: SiteMap) -> Self {
        Self(Arc::new((management, settings, site_map)))
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
}
