use crate::appearance::Theme;

const LABELS: [(Theme, &str); 3] = [(Theme::System, "Like the system"), (Theme::Light, "Light"), (Theme::Dark, "Dark")];

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
