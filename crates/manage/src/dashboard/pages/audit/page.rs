use askama::Template;
use axum::response::Response;
use http::StatusCode;
use keyward_core::Timestamp;

use super::changes::{Change, changes};
use super::filter::{Filter, Preset, TARGETS};
use super::names::Names;
use super::sentences::{Part, sentence};
use crate::dashboard::error::{FormErrors, PageError};
use crate::dashboard::form;
use crate::dashboard::frame::Frame;
use crate::dashboard::member::AtAccount;
use crate::dashboard::text::When;
use crate::dashboard::words;
use crate::dashboard::words::actions::{GROUPS, Group};
use crate::role::scopes;
use crate::service::{AuditEntry, AuditFound, AuditSearch, Outcome};

const PER_PAGE: usize = 50;

struct Row {
    number: u64,
    at: When,
    sentence: Vec<Part>,
    /// Set unless the operation succeeded.
    outcome: Option<&'static str>,
    address: String,
    user_agent: String,
    request_id: String,
    account: Option<String>,
    changes: Vec<Change>,
    /// The fields that an update changed.
    changed: String,
    /// The filters for entries of the same actor, and about the same target.
    same_actor: Option<String>,
    same_target: Option<String>,
}

#[derive(Clone)]
struct Choice {
    value: String,
    label: String,
    is_chosen: bool,
}

struct Choices {
    label: &'static str,
    choices: Vec<Choice>,
}

#[derive(Template)]
#[template(path = "dashboard/audit/audit.html")]
struct AuditPage {
    frame: Frame,
    entries: Vec<Row>,
    actions: Vec<Choices>,
    actors: Vec<Choices>,
    targets: Vec<Choices>,
    text: String,
    from: String,
    to: String,
    presets: Vec<Preset>,
    may_see_all: bool,
    sees_all: bool,
    is_filtered: bool,
    error: Option<FormErrors>,
    /// The filters, for the export.
    filters: String,
    next: Option<String>,
    /// How far a search has read that did not find a whole page.
    read_to: Option<When>,
}

pub(super) async fn page(member: AtAccount) -> Result<Response, PageError> {
    member.require(&scopes::AUDIT_READ)?;
    let mut filter = Filter::read(&member)?;
    let error = filter.error.take();
    let mut names = Names::of_members(&member).await?;
    filter.learn_names(&names);
    let search = AuditSearch { limit: PER_PAGE, ..filter.search.clone() };
    let found = match error {
        None => member.management().search_audit_log(&member.actor, &search).await?,
        Some(_) => AuditFound::default(),
    };
    names.learn(&member, &found.entries).await?;
    let now = member.management().now();
    let query = &filter.form;
    let sees_all = filter.search.account.is_none();
    let rows = found.entries.iter().map(|entry| row(entry, &names, now, query, sees_all)).collect();
    let filters = query.without(&["after"]);
    let next = found.next.map(|next| form::joined(&filters, &form::query("after", &next.to_string())));
    let is_short = next.is_some() && found.entries.len() < PER_PAGE;
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(member.page_with(status, words::audit::AUDIT_LOG, |frame| AuditPage {
        frame,
        entries: rows,
        actions: actions(query.get("action")),
        actors: actors(query.get("actor"), &names, &found.entries),
        targets: targets(query.get("target"), &names, &found.entries),
        presets: filter.presets(now),
        text: query.get("q").to_owned(),
        from: query.get("from").to_owned(),
        to: query.get("to").to_owned(),
        may_see_all: filter.may_see_all,
        sees_all,
        is_filtered: filter.is_filtered(),
        error,
        filters,
        next,
        read_to: found.read_to.filter(|_| is_short).map(|at| When::at(at, now)),
    }))
}

fn row(entry: &AuditEntry, names: &Names, now: Timestamp, query: &form::Form, sees_all: bool) -> Row {
    let with =
        |field: &'static str, value: &str| form::joined(&query.without(&["after", field]), &form::query(field, value));
    let target = format!("{}:{}", entry.target.kind, entry.target.id);
    let mut changes = changes(entry);
    for change in &mut changes {
        let values = [&mut change.old, &mut change.new];
        values.into_iter().flatten().for_each(|value| *value = with_name(value, names));
    }
    let is_one = |known: &str| query.get("target") == known;
    Row {
        number: entry.number,
        at: When::at(entry.at, now),
        sentence: sentence(entry, names),
        outcome: match entry.outcome {
            Outcome::Done => None,
            Outcome::Refused => Some("refused"),
            Outcome::Unknown => Some("unknown"),
        },
        address: entry.address.clone().unwrap_or_default(),
        user_agent: entry.user_agent.clone().unwrap_or_default(),
        request_id: entry.request_id.clone().unwrap_or_default(),
        account: entry.account.as_ref().filter(|_| sees_all).map(ToString::to_string),
        changed: changed(entry, &changes),
        changes,
        same_actor: (!entry.actor.id.is_empty() && query.get("actor") != entry.actor.id)
            .then(|| with("actor", &entry.actor.id)),
        same_target: (!entry.target.id.is_empty() && !is_one(&target)).then(|| with("target", &target)),
    }
}

/// A new thing has all its fields, and they tell nothing.
fn changed(entry: &AuditEntry, changes: &[Change]) -> String {
    let is_update =
        entry.outcome == Outcome::Done && (entry.action.ends_with(".update") || entry.action.ends_with(".put"));
    let is_change = is_update && entry.before.is_some();
    let fields = changes.iter().filter(|_| is_change).map(|change| change.field.as_str());
    fields.collect::<Vec<_>>().join(", ")
}

/// Writes the name of a user instead of the id.
fn with_name(value: &str, names: &Names) -> String {
    match value.strip_prefix("user:") {
        Some(id) => names.of("user", id),
        None => value.to_owned(),
    }
}

fn choice(value: &str, label: &str, chosen: &str) -> Choice {
    Choice { value: value.to_owned(), label: label.to_owned(), is_chosen: value == chosen }
}

fn actions(chosen: &str) -> Vec<Choices> {
    let group = |group: &Group| Choices {
        label: group.label,
        choices: group
            .all
            .iter()
            .map(|(value, label)| choice(value, label, chosen))
            .chain(group.actions.iter().map(|action| choice(action.code, action.label, chosen)))
            .collect(),
    };
    GROUPS.iter().map(group).collect()
}

fn actors(chosen: &str, names: &Names, entries: &[AuditEntry]) -> Vec<Choices> {
    let members: Vec<Choice> = names.members.iter().map(|(id, name)| choice(id, name, chosen)).collect();
    let mut others: Vec<Choice> = Vec::new();
    for actor in entries.iter().map(|entry| &entry.actor).filter(|actor| !actor.id.is_empty()) {
        let is_listed = members.iter().chain(&others).any(|known| known.value == actor.id);
        if !is_listed {
            let name = names.choice(&actor.kind, &actor.id, names.of(&actor.kind, &actor.id));
            let label = match actor.kind.as_str() {
                "key" => words::audit::key(&name),
                "system" => words::shared::program(&name),
                _ => name,
            };
            others.push(choice(&actor.id, &label, chosen));
        }
    }
    let is_missing = !chosen.is_empty() && !members.iter().chain(&others).any(|known| known.is_chosen);
    if is_missing {
        others.push(choice(chosen, chosen, chosen));
    }
    filled([
        Choices { label: words::shared::MEMBERS, choices: members },
        Choices { label: words::audit::OTHERS, choices: others },
    ])
}

fn targets(chosen: &str, names: &Names, entries: &[AuditEntry]) -> Vec<Choices> {
    let kinds: Vec<Choice> = TARGETS.iter().map(|(kind, label)| choice(kind, label, chosen)).collect();
    let mut ones: Vec<Choice> = Vec::new();
    for entry in entries.iter().filter(|entry| !entry.target.id.is_empty()) {
        let value = format!("{}:{}", entry.target.kind, entry.target.id);
        if !ones.iter().any(|known| known.value == value) {
            let mut label = names.choice(&entry.target.kind, &entry.target.id, names.target(entry));
            if entry.target.kind != "user" {
                label = words::audit::target(&capital(&entry.target.kind), &label);
            }
            ones.push(choice(&value, &label, chosen));
        }
    }
    let is_missing = !chosen.is_empty() && !kinds.iter().chain(&ones).any(|known| known.is_chosen);
    if is_missing {
        ones.push(choice(chosen, chosen.split_once(':').map_or(chosen, |(_, id)| id), chosen));
    }
    ones.sort_by(|a, b| a.label.cmp(&b.label));
    filled([
        Choices { label: words::audit::KINDS, choices: kinds },
        Choices { label: words::audit::ON_THIS_PAGE, choices: ones },
    ])
}

fn filled(groups: [Choices; 2]) -> Vec<Choices> {
    groups.into_iter().filter(|group| !group.choices.is_empty()).collect()
}

fn capital(kind: &str) -> String {
    let mut letters: Vec<char> = kind.replace('_', " ").chars().collect();
    if let Some(first) = letters.first_mut() {
        first.make_ascii_uppercase();
    }
    letters.into_iter().collect()
}
