//! The columns of the list, and the links that sort by them.

use keyward_core::store::{KeyColumn, KeyOrder};

use crate::dashboard::form::{self, Form};
use crate::dashboard::words;

/// The name in the URL, and whether the first click sorts downwards.
const NAMES: [(KeyColumn, &str, bool); 9] = [
    (KeyColumn::Name, "name", false),
    (KeyColumn::Mode, "mode", false),
    (KeyColumn::Kind, "kind", false),
    (KeyColumn::Scopes, "scopes", false),
    (KeyColumn::Created, "created", true),
    (KeyColumn::LastUsed, "used", true),
    (KeyColumn::Expires, "expires", false),
    (KeyColumn::Status, "status", false),
    (KeyColumn::Requests, "requests", true),
];

pub(super) struct Column {
    pub(super) label: &'static str,
    /// The query of the link that sorts by the column.
    pub(super) link: Option<String>,
    /// The value of `aria-sort`.
    pub(super) sorted: Option<&'static str>,
    /// The bars of the last days, for which narrow windows have no room.
    pub(super) is_trend: bool,
}

/// For readers who may see the usage.
pub(super) const MOST_REQUESTS: (&str, &str) = ("-requests", words::keys::MOST_REQUESTS_FIRST);

/// The orders that a select offers. A phone has no heads of columns.
pub(super) const ORDERS: [(&str, &str); 9] = [
    ("", words::keys::NEWEST_FIRST),
    ("created", words::keys::OLDEST_FIRST),
    ("name", words::keys::BY_NAME),
    ("-used", words::keys::LAST_USED_FIRST),
    ("expires", words::keys::NEXT_EXPIRY_FIRST),
    ("status", words::keys::BY_STATUS),
    ("mode", words::keys::BY_MODE),
    ("kind", words::keys::BY_KIND),
    ("scopes", words::keys::BY_SCOPES),
];

/// A minus sign in front sorts downwards.
pub(super) fn read(text: &str) -> KeyOrder {
    let (name, is_descending) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
    let known = NAMES.into_iter().find(|(_, known, _)| *known == name);
    known.map_or_else(KeyOrder::default, |(column, _, _)| KeyOrder { column, is_descending })
}

pub(super) fn columns(form: &Form, order: KeyOrder, has_usage: bool) -> Vec<Column> {
    let rest = form.without(&["page", "sort"]);
    let sortable = |label, wanted: KeyColumn| {
        let is_chosen = order.column == wanted;
        let known = NAMES.into_iter().find(|(column, _, _)| *column == wanted);
        let link = known.map(|(column, name, is_first_down)| {
            let is_descending = if is_chosen { !order.is_descending } else { is_first_down };
            let is_default = KeyOrder { column, is_descending } == KeyOrder::default();
            let minus = if is_descending { "-" } else { "" };
            form::joined(&rest, &if is_default { String::new() } else { format!("sort={minus}{name}") })
        });
        let sorted = is_chosen.then_some(if order.is_descending { "descending" } else { "ascending" });
        Column { label, link, sorted, is_trend: false }
    };
    let trend = |label| Column { is_trend: true, ..sortable(label, KeyColumn::Requests) };
    let mut columns = vec![
        sortable(words::shared::NAME, KeyColumn::Name),
        sortable(words::keys::KIND, KeyColumn::Kind),
        sortable(words::shared::SCOPES, KeyColumn::Scopes),
        sortable(words::shared::CREATED, KeyColumn::Created),
    ];
    columns.extend(has_usage.then(|| trend(words::keys::REQUESTS_IN_30_DAYS)));
    columns.extend([
        sortable(words::keys::LAST_USED, KeyColumn::LastUsed),
        sortable(words::shared::EXPIRES, KeyColumn::Expires),
    ]);
    columns
}
