use super::words;
use crate::appearance::Theme;

const LABELS: [(Theme, &str); 3] = [
    (Theme::System, words::frame::LIKE_THE_SYSTEM),
    (Theme::Light, words::frame::LIGHT),
    (Theme::Dark, words::frame::DARK),
];

pub(super) struct Choice {
    pub(super) value: &'static str,
    pub(super) label: &'static str,
    pub(super) is_chosen: bool,
}

pub(super) fn choices(chosen: &str) -> Vec<Choice> {
    let choice = |(theme, label): (Theme, _)| {
        let value = theme.as_str();
        Choice { value, label, is_chosen: value == chosen }
    };
    LABELS.into_iter().map(choice).collect()
}
