use crate::report::Report;
use crate::settings::Settings;

/// Finds the greatest number of nodes that work, to within a twentieth, between 10 and `most`. Returns `None` if 10 do
/// not.
#[must_use]
pub fn limit(settings: &Settings, most: usize) -> Option<usize> {
    let works = |nodes| Report::of(&Settings { nodes, stopped: 0, ..settings.clone() }).works();
    let (mut good, mut bad) = (10, 20);
    if !works(good) {
        return None;
    }
    while bad < most && works(bad) {
        (good, bad) = (bad, bad * 2);
    }
    bad = bad.min(most);
    while bad - good > good / 20 + 1 {
        let middle = usize::midpoint(good, bad);
        if works(middle) {
            good = middle;
        } else {
            bad = middle;
        }
    }
    Some(good)
}
