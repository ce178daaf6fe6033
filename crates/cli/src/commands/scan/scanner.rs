use std::io::Read;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use keyward_core::key::Hasher;

use super::finder::Finder;
use super::report::{Gathered, Place};
use crate::output::one_line;

pub(super) struct Scanner<'a> {
    pub(super) finder: Finder,
    hasher: &'a Hasher,
    pub(super) gathered: Gathered,
    pub(super) progress: ProgressBar,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(finder: Finder, hasher: &'a Hasher) -> Self {
        Self { finder, hasher, gathered: Gathered::default(), progress: progress() }
    }

    pub(super) fn read(&self, place: &Place, input: impl Read) {
        self.read_into(&self.gathered, place, input);
    }

    pub(super) fn read_into(&self, gathered: &Gathered, place: &Place, input: impl Read) {
        let read = self.finder.find(input, |position, key| gathered.found(place, position, &key, self.hasher));
        if let Err(error) = read {
            gathered.unreadable(format!("{}: {error}", one_line(&place.path)));
        }
        self.progress.inc(1);
    }
}

fn progress() -> ProgressBar {
    let progress = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {human_pos} read in {elapsed}") {
        progress.set_style(style);
    }
    progress.enable_steady_tick(Duration::from_millis(100));
    progress
}
