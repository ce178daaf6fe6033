//! The scopes that a form offers for restricted keys.

use keyward_core::ScopeSet;
use keyward_core::scope::Grant;

use crate::dashboard::form::Form;
use crate::dashboard::member::{AtAccount, Member};
use crate::dashboard::words;
use crate::error::ManagementError;
use crate::role::scopes;
use crate::scope_catalog::ScopeCatalog;

pub(in crate::dashboard) struct Picker {
    pub(in crate::dashboard) groups: Vec<Group>,
    pub(in crate::dashboard) presets: Vec<Preset>,
    /// Scopes that no box has.
    pub(in crate::dashboard) others: String,
    /// No scope is chosen.
    pub(in crate::dashboard) is_group_wrong: bool,
    pub(in crate::dashboard) are_others_wrong: bool,
}

pub(in crate::dashboard) struct Group {
    pub(in crate::dashboard) title: String,
    pub(in crate::dashboard) boxes: Vec<Choice>,
}

pub(in crate::dashboard) struct Choice {
    pub(in crate::dashboard) scope: String,
    pub(in crate::dashboard) meaning: String,
    pub(in crate::dashboard) is_chosen: bool,
}

pub(in crate::dashboard) struct Preset {
    pub(in crate::dashboard) label: String,
    pub(in crate::dashboard) scopes: String,
}

impl Picker {
    /// With the scopes of the form that was sent, or else with these.
    pub(in crate::dashboard) fn new(catalog: &ScopeCatalog, form: &Form, known: Option<&ScopeSet>) -> Self {
        let known: Vec<&str> = match known {
            Some(known) if !form.has("scope") && !form.has("other_scopes") => known.iter().map(Grant::as_str).collect(),
            _ => form.all("scope").chain(form.get("other_scopes").split_whitespace()).collect(),
        };
        let choice = |(scope, meaning): (&Grant, &str)| Choice {
            scope: scope.to_string(),
            meaning: meaning.to_owned(),
            is_chosen: known.contains(&scope.as_str()),
        };
        let groups = catalog.groups().into_iter();
        let others = known.iter().filter(|scope| !catalog.scopes().any(|listed| listed.as_str() == **scope));
        Self {
            groups: groups
                .map(|(title, scopes)| Group { title, boxes: scopes.into_iter().map(choice).collect() })
                .collect(),
            presets: catalog
                .presets()
                .into_iter()
                .map(|(label, scopes)| Preset {
                    label,
                    scopes: scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" "),
                })
                .collect(),
            others: others.copied().collect::<Vec<_>>().join(" "),
            is_group_wrong: false,
            are_others_wrong: false,
        }
    }

    /// Marks the boxes, or the text if it has what no box has.
    pub(in crate::dashboard) fn marked(mut self, is_wrong: bool) -> Self {
        self.are_others_wrong = is_wrong && (self.groups.is_empty() || !self.others.is_empty());
        self.is_group_wrong = is_wrong && !self.are_others_wrong;
        self
    }
}

/// The scopes of the API that the form has. Boxes of management scopes may be ticked, although they are hidden.
pub(in crate::dashboard) fn read(catalog: &ScopeCatalog, form: &Form) -> Result<ScopeSet, ManagementError> {
    let listed = form.all("scope").filter(|scope| catalog.scopes().any(|known| known.as_str() == *scope));
    parse(listed.chain(form.get("other_scopes").split_whitespace()))
}

pub(super) fn parse<'a>(scopes: impl Iterator<Item = &'a str>) -> Result<ScopeSet, ManagementError> {
    let all: Vec<&str> = scopes.collect();
    if all.is_empty() {
        return Err(ManagementError::invalid("scopes", words::keys::A_RESTRICTED_KEY_NEEDS));
    }
    let message = words::keys::WRITE_THEM_LIKE_RESOURCES_READ;
    all.join(" ").parse().map_err(|_| ManagementError::invalid("scopes", message))
}

/// The management scopes that the user can grant in this account.
pub(super) fn management_catalog(member: &AtAccount) -> ScopeCatalog {
    let is_operator = member.account.id == *member.management().operator();
    let mut catalog = ScopeCatalog::default();
    for (scope, meaning) in scopes::ALL {
        // Plans are the operator's.
        if member.may(&scope) && (is_operator || scope != scopes::PLANS_WRITE) {
            catalog.add(scope.into(), meaning.to_owned());
        }
    }
    catalog
}

/// The scopes of the API that keys of an account may get.
pub(super) struct ApiScopes {
    /// All that a form may send. The service refuses those that the plan lacks.
    pub(super) catalog: ScopeCatalog,
    plan: Option<(String, ScopeSet)>,
}

impl ApiScopes {
    pub(super) async fn of(member: &AtAccount) -> Result<Self, ManagementError> {
        let mut catalog = member.scope_catalog().clone();
        let plan = member.management().scopes_of_plan(&member.account.id).await?;
        let plan = plan.map(|(plan, scopes)| (plan.name.to_string(), scopes));
        let plan = plan.filter(|(_, scopes)| !scopes.includes(&ScopeSet::all()));
        if let Some((_, scopes)) = &plan {
            catalog.add_unlisted(scopes);
        }
        Ok(Self { catalog, plan })
    }

    /// Returns what the form offers for a key that holds these scopes.
    pub(super) fn offered(&self, held: &ScopeSet) -> ScopeCatalog {
        let mut catalog = self.catalog.clone();
        if let Some((_, scopes)) = &self.plan {
            catalog.retain_within([scopes, held]);
        }
        catalog
    }

    /// Says that the plan does not allow missing scopes: one of them, or all if any of them suffices.
    pub(super) fn refusal(&self, missing: &[String], any: bool) -> Option<String> {
        let (plan, allowed) = self.plan.as_ref()?;
        let is_outside = |scope: &&String| !scope.parse().is_ok_and(|scope| allowed.allows(&scope));
        let outside: Vec<&str> = missing.iter().filter(is_outside).map(String::as_str).collect();
        let is_refused = !outside.is_empty() && (!any || outside.len() == missing.len());
        is_refused.then(|| words::keys::plan_lacks(plan, &outside))
    }

    /// Returns the plan that limits the scopes, if any.
    pub(super) fn plan(&self) -> Option<&str> {
        self.plan.as_ref().map(|(plan, _)| plan.as_str())
    }
}

impl Member {
    /// The scopes of the operator's page, or else of the configuration.
    pub(in crate::dashboard) fn scope_catalog(&self) -> &ScopeCatalog {
        self.api.scopes.as_ref().unwrap_or_else(|| &self.visitor.app.settings().scopes)
    }

    pub(in crate::dashboard) fn example_url(&self) -> String {
        let known = self.api.example_url.as_ref().map(ToString::to_string);
        known.unwrap_or_else(|| self.visitor.app.settings().example_url.clone())
    }
}
