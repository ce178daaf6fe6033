use std::collections::HashMap;

use askama::Template;
use axum::response::Response;

use super::home;
use crate::dashboard::app::Route;
use crate::dashboard::error::PageError;
use crate::dashboard::form;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::AtAccount;
use crate::dashboard::site_map::Menu;
use crate::dashboard::text::When;
use crate::role::scopes;
use crate::service::{AuditEntry, AuditQuery, Outcome, PageRequest};

const PER_PAGE: usize = 50;
const MAX_READ: usize = 500;

const ACTIONS: [(&str, &str); 6] = [
    ("", "All actions"),
    ("key.", "Keys"),
    ("member.", "Members"),
    ("user.", "Users"),
    ("session.", "Sessions"),
    ("account.", "Accounts"),
];

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::page("/accounts/{account}/audit", page)
            .menu(Menu::Account, "Audit log", scopes::AUDIT_READ)
            .destination(),
        Route::page("/audit", home::go).destination(),
    ]
}

struct Row {
    number: u64,
    at: When,
    actor: String,
    action: String,
    outcome: &'static str,
    target: String,
    link: Option<String>,
    address: String,
    user_agent: String,
    request_id: String,
    before: String,
    after: String,
}

struct Choice {
    value: String,
    label: String,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "dashboard/audit/audit.html")]
struct AuditPage {
    frame: Frame,
    entries: Vec<Row>,
    actions: Vec<Choice>,
    actors: Vec<Choice>,
    is_filtered: bool,
    next: Option<String>,
}

async fn page(member: AtAccount) -> Result<Response, PageError> {
    let query = member.visitor.query();
    let mut names: HashMap<String, String> = HashMap::new();
    if member.may(&scopes::MEMBERS_READ) {
        let page = PageRequest { limit: 500, ..PageRequest::default() };
        let members = member.management().members(&member.actor, &member.account.id, &page).await?;
        names.extend(members.items.into_iter().map(|view| (view.user.id.to_string(), view.user.name)));
    }
    let action = query.get("action");
    let mut asked = AuditQuery {
        account: Some(member.account.id.clone()),
        actor: query.filled("actor"),
        page: PageRequest { after: query.filled("after"), limit: PER_PAGE },
    };
    let mut found: Vec<AuditEntry> = Vec::new();
    let mut read = 0;
    loop {
        asked.page.limit = PER_PAGE - found.len();
        let page = member.management().audit_log(&member.actor, &asked).await?;
        read += page.items.len();
        found.extend(page.items.into_iter().filter(|entry| entry.action.starts_with(action)));
        asked.page.after = page.next;
        if asked.page.after.is_none() || found.len() >= PER_PAGE || read >= MAX_READ {
            break;
        }
    }
    let next = asked.page.after.map(|after| form::joined(&query.without(&["after"]), &form::query("after", &after)));
    let mut actors: Vec<Choice> = names
        .iter()
        .map(|(id, name)| Choice { value: id.clone(), label: name.clone(), is_chosen: query.get("actor") == id })
        .collect();
    actors.sort_by(|a, b| a.label.cmp(&b.label));
    actors.insert(
        0,
        Choice { value: String::new(), label: "All users".to_owned(), is_chosen: query.get("actor").is_empty() },
    );
    let now = member.management().now();
    let rows = found.iter().map(|entry| row(&member, entry, &names, now)).collect();
    Ok(member.page("Audit log", |frame| AuditPage {
        frame,
        entries: rows,
        actions: ACTIONS
            .iter()
            .map(|(value, label)| Choice {
                value: (*value).to_owned(),
                label: (*label).to_owned(),
                is_chosen: *value == action,
            })
            .collect(),
        actors,
        is_filtered: !query.without(&["after"]).is_empty(),
        next,
    }))
}

fn row(member: &AtAccount, entry: &AuditEntry, names: &HashMap<String, String>, now: keyward_core::Timestamp) -> Row {
    let name_of = |id: &str| names.get(id).cloned().unwrap_or_else(|| id.to_owned());
    let actor = if entry.actor.id.is_empty() { entry.actor.kind.clone() } else { name_of(&entry.actor.id) };
    let text = |value: &Option<serde_json::Value>| {
        value.as_ref().and_then(|value| serde_json::to_string_pretty(value).ok()).unwrap_or_default()
    };
    let named = |value: &Option<serde_json::Value>| value.as_ref()?.get("name")?.as_str().map(str::to_owned);
    let target = if entry.target.kind == "key" {
        named(&entry.after).or_else(|| named(&entry.before)).unwrap_or_else(|| entry.target.id.clone())
    } else {
        name_of(&entry.target.id)
    };
    Row {
        number: entry.number,
        at: When::at(entry.at, now),
        actor,
        action: entry.action.clone(),
        outcome: match entry.outcome {
            Outcome::Done => "done",
            Outcome::Refused => "refused",
            Outcome::Unknown => "unknown",
        },
        target,
        link: (entry.target.kind == "key").then(|| member.path(&format!("/keys/{}", entry.target.id))),
        address: entry.address.clone().unwrap_or_default(),
        user_agent: entry.user_agent.clone().unwrap_or_default(),
        request_id: entry.request_id.clone().unwrap_or_default(),
        before: text(&entry.before),
        after: text(&entry.after),
    }
}
