//! The scopes that a provider offers for restricted keys, as text.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use std::fmt;
use std::str::FromStr;

#[cfg(feature = "dashboard")]
use keyward_core::ScopeSet;
use keyward_core::name::{check_name, check_text};
use keyward_core::scope::Grant;

const MAX_SCOPES: usize = 200;
const MAX_PRESETS: usize = 20;
const MAX_DESCRIPTION: usize = 200;
const MAX_TEXT: usize = 32 * 1_024;

/// The scopes that the dashboard offers for restricted keys, with descriptions, groups and presets.
///
/// As text, each line has a scope and its description. A line `# Title` begins a group, and a line `= Name: scopes` is a preset.
/// Scopes without a group are grouped by their resource. Without presets, the dashboard offers "Read only" and "Full access".
/// At most 200 scopes and 20 presets.
///
/// # Examples
/// ```
/// use keyward::manage::ScopeCatalog;
///
/// let catalog: ScopeCatalog = "\
/// videos:read   List and download videos
/// videos:write  Upload, change and delete videos
/// = Player: videos:read
/// ".parse()?;
/// assert_eq!(catalog.scopes().count(), 2);
/// # Ok::<(), keyward::manage::ScopeCatalogError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScopeCatalog {
    entries: Vec<Entry>,
    presets: Vec<(String, Vec<Grant>)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    scope: Grant,
    description: String,
    group: Option<String>,
}

/// The error of an invalid [`ScopeCatalog`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct ScopeCatalogError {
    line: usize,
    problem: String,
}

impl ScopeCatalog {
    /// Returns the scopes, in their order.
    pub fn scopes(&self) -> impl Iterator<Item = &Grant> {
        self.entries.iter().map(|entry| &entry.scope)
    }

    #[cfg(feature = "dashboard")]
    pub(crate) fn add(&mut self, scope: Grant, description: String) {
        self.entries.push(Entry { scope, description, group: None });
    }

    /// Adds scopes of a plan that include no listed scope.
    #[cfg(feature = "dashboard")]
    pub(crate) fn add_unlisted(&mut self, plan: &ScopeSet) {
        for grant in plan.iter() {
            if !self.scopes().any(|listed| grant.includes(listed)) {
                self.add(grant.clone(), String::new());
            }
        }
    }

    /// Keeps the scopes that one of these sets includes, and the presets of such scopes.
    #[cfg(feature = "dashboard")]
    pub(crate) fn retain_within(&mut self, sets: [&ScopeSet; 2]) {
        let is_within = |scope: &Grant| sets.iter().any(|set| set.iter().any(|grant| grant.includes(scope)));
        self.entries.retain(|entry| is_within(&entry.scope));
        self.presets.retain(|(_, scopes)| scopes.iter().all(is_within));
    }

    /// Returns each group's title, and its scopes with their descriptions.
    #[cfg(feature = "dashboard")]
    pub(crate) fn groups(&self) -> Vec<(String, Vec<(&Grant, &str)>)> {
        let mut groups: Vec<(String, Vec<(&Grant, &str)>)> = Vec::new();
        for entry in &self.entries {
            let title = entry.group.clone().unwrap_or_else(|| resource(&entry.scope));
            let item = (&entry.scope, entry.description.as_str());
            match groups.iter_mut().find(|(known, _)| *known == title) {
                Some((_, items)) => items.push(item),
                None => groups.push((title, vec![item])),
            }
        }
        groups
    }

    /// Returns the presets, each with the scopes that it selects.
    #[cfg(feature = "dashboard")]
    pub(crate) fn presets(&self) -> Vec<(String, Vec<&Grant>)> {
        if !self.presets.is_empty() {
            return self.presets.iter().map(|(name, scopes)| (name.clone(), scopes.iter().collect())).collect();
        }
        let all: Vec<&Grant> = self.scopes().collect();
        let read: Vec<&Grant> = all.iter().copied().filter(|scope| scope.as_str().ends_with(":read")).collect();
        let mut presets = Vec::new();
        if !read.is_empty() && read.len() < all.len() {
            presets.push(("Read only".to_owned(), read));
        }
        if all.len() > 1 {
            presets.push(("Full access".to_owned(), all));
        }
        presets
    }

    fn read_line(&mut self, line: &str, group: &mut Option<String>) -> Result<(), String> {
        if let Some(title) = line.strip_prefix('#') {
            *group = Some(named("group", title)?);
        } else if let Some(preset) = line.strip_prefix('=') {
            self.read_preset(preset)?;
        } else {
            self.read_scope(line, group.clone())?;
        }
        Ok(())
    }

    fn read_scope(&mut self, line: &str, group: Option<String>) -> Result<(), String> {
        let (scope, description) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let scope = one_scope(scope)?;
        if self.scopes().any(|known| *known == scope) {
            return Err(format!("scope `{scope}` appears twice: remove one"));
        }
        if self.entries.len() >= MAX_SCOPES {
            return Err(format!("too many scopes: expected at most {MAX_SCOPES}"));
        }
        let description = description.trim().to_owned();
        if description.chars().count() > MAX_DESCRIPTION {
            return Err(format!(
                "the description of `{scope}` is too long: expected at most {MAX_DESCRIPTION} characters"
            ));
        }
        check_text(&description).map_err(|error| format!("invalid description of `{scope}`: {error}"))?;
        self.entries.push(Entry { scope, description, group });
        Ok(())
    }

    fn read_preset(&mut self, text: &str) -> Result<(), String> {
        let wrong = || format!("invalid preset `{}`: expected a name, a colon and scopes", text.trim());
        let (name, scopes) = text.split_once(':').ok_or_else(wrong)?;
        let name = named("preset", name)?;
        let scopes = scopes.split_whitespace().map(one_scope).collect::<Result<Vec<_>, _>>()?;
        if scopes.is_empty() {
            return Err(wrong());
        }
        if self.presets.iter().any(|(known, _)| *known == name) {
            return Err(format!("preset `{name}` appears twice: remove one"));
        }
        if self.presets.len() >= MAX_PRESETS {
            return Err(format!("too many presets: expected at most {MAX_PRESETS}"));
        }
        self.presets.push((name, scopes));
        Ok(())
    }
}

fn one_scope(text: &str) -> Result<Grant, String> {
    text.parse().map_err(|error| format!("invalid scope `{text}`: {error}"))
}

fn named(what: &str, name: &str) -> Result<String, String> {
    check_name(name).map(str::to_owned).map_err(|error| format!("invalid name of a {what}: {error}"))
}

/// The first word of a scope, with a capital letter.
#[cfg(feature = "dashboard")]
fn resource(scope: &Grant) -> String {
    let word = scope.as_str().split(':').next().unwrap_or_default().replace(['_', '-'], " ");
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

impl FromStr for ScopeCatalog {
    type Err = ScopeCatalogError;

    fn from_str(text: &str) -> Result<Self, ScopeCatalogError> {
        if text.len() > MAX_TEXT {
            return Err(ScopeCatalogError {
                line: 1,
                problem: format!("{} bytes are too many: expected at most 32 KiB", text.len()),
            });
        }
        let (mut catalog, mut group) = (Self::default(), None);
        let mut presets = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let (line, number) = (line.trim(), number.saturating_add(1));
            if line.is_empty() {
                continue;
            }
            if line.starts_with('=') {
                presets.push(number);
            }
            catalog.read_line(line, &mut group).map_err(|problem| ScopeCatalogError { line: number, problem })?;
        }
        for ((name, scopes), line) in catalog.presets.iter().zip(presets) {
            if let Some(unknown) = scopes.iter().find(|scope| !catalog.scopes().any(|known| known == *scope)) {
                let problem =
                    format!("preset `{name}` has the scope `{unknown}`, which no line describes: add a line for it");
                return Err(ScopeCatalogError { line, problem });
            }
        }
        Ok(catalog)
    }
}

impl fmt::Display for ScopeCatalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut group = None;
        // Scopes without a group must stand before the first title.
        let (without, with): (Vec<&Entry>, Vec<&Entry>) = self.entries.iter().partition(|entry| entry.group.is_none());
        for entry in without.into_iter().chain(with) {
            if entry.group.as_ref() != group {
                group = entry.group.as_ref();
                writeln!(f, "# {}", entry.group.as_deref().unwrap_or_default())?;
            }
            writeln!(f, "{}", format!("{} {}", entry.scope, entry.description).trim_end())?;
        }
        for (name, scopes) in &self.presets {
            let scopes: Vec<&str> = scopes.iter().map(Grant::as_str).collect();
            writeln!(f, "= {name}: {}", scopes.join(" "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "jobs:* Everything about jobs\n# Videos\nvideos:read List videos\nvideos:write\n# Billing\n\
                        invoices:read List invoices\n= Player: videos:read\n= All of it: jobs:* videos:read invoices:read\n";

    #[test]
    fn text_is_read_and_written() {
        let catalog: ScopeCatalog = TEXT.parse().unwrap();
        assert_eq!(catalog.to_string(), TEXT);
        assert_eq!(catalog.scopes().count(), 4);
        let spaced = TEXT.replace('\n', "\r\n\r\n  ");
        assert_eq!(spaced.parse::<ScopeCatalog>().unwrap(), catalog);
        assert_eq!("".parse::<ScopeCatalog>().unwrap(), ScopeCatalog::default());
    }

    #[cfg(feature = "dashboard")]
    #[test]
    fn scopes_are_grouped_and_presets_are_derived() {
        let catalog: ScopeCatalog = TEXT.parse().unwrap();
        let titles: Vec<_> = catalog.groups().into_iter().map(|(title, items)| (title, items.len())).collect();
        assert_eq!(titles, [("Jobs".to_owned(), 1), ("Videos".to_owned(), 2), ("Billing".to_owned(), 1)]);
        let names = |catalog: &ScopeCatalog| {
            let presets = catalog.presets().into_iter();
            presets.map(|(name, scopes)| format!("{name} {}", scopes.len())).collect::<Vec<_>>()
        };
        assert_eq!(names(&catalog), ["Player 1", "All of it 3"]);
        let derived: ScopeCatalog = "a_b:read\na_b:write\n".parse().unwrap();
        assert_eq!(names(&derived), ["Read only 1", "Full access 2"]);
        assert_eq!(derived.groups()[0].0, "A b");
        assert!(names(&"a:read".parse().unwrap()).is_empty());
    }

    #[cfg(feature = "dashboard")]
    #[test]
    fn only_scopes_within_a_plan_or_a_key_are_kept() {
        for (plan, held, kept, presets) in [
            ("*", "", "jobs:* videos:read videos:write invoices:read", "Player, All of it"),
            ("videos:*", "", "videos:read videos:write", "Player"),
            ("videos:read jobs:read", "", "videos:read jobs:read", "Player"),
            ("videos:write", "jobs:*", "jobs:* videos:write", "Full access"),
            ("other:*", "", "other:*", ""),
        ] {
            let (plan, held): (ScopeSet, ScopeSet) = (plan.parse().unwrap(), held.parse().unwrap());
            let mut catalog: ScopeCatalog = TEXT.parse().unwrap();
            catalog.add_unlisted(&plan);
            catalog.retain_within([&plan, &held]);
            let scopes: Vec<_> = catalog.scopes().map(Grant::as_str).collect();
            let names: Vec<_> = catalog.presets().into_iter().map(|(name, _)| name).collect();
            assert_eq!((scopes.join(" ").as_str(), names.join(", ").as_str()), (kept, presets), "{plan} {held}");
        }
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let many: String = (0..201).map(|n| format!("a{n}:read\n")).collect();
        let long = format!("a:read {}", "x".repeat(201));
        for (text, line, problem) in [
            ("\nresources", 2, "invalid scope `resources`"),
            ("a:read x\na:read y", 2, "scope `a:read` appears twice"),
            ("#  ", 1, "invalid name of a group"),
            ("a:read\n= Reader", 2, "invalid preset `Reader`"),
            ("a:read\n= Reader:", 2, "invalid preset `Reader:`"),
            ("a:read\n= : a:read", 2, "invalid name of a preset"),
            ("a:read\n= Reader: b:read\n", 2, "preset `Reader` has the scope `b:read`"),
            ("a:read\n= R: a:read\n= R: a:read", 3, "preset `R` appears twice"),
            ("a:read x\u{202e}y", 1, "invalid description of `a:read`: the character U+202E"),
            (many.as_str(), 201, "too many scopes"),
            (long.as_str(), 1, "the description of `a:read` is too long"),
        ] {
            let error = text.parse::<ScopeCatalog>().unwrap_err();
            assert_eq!(error.line, line, "{text}: {error}");
            assert!(error.to_string().contains(problem), "{text}: {error}");
        }
        assert!("a".repeat(40_000).parse::<ScopeCatalog>().is_err());
    }
}
