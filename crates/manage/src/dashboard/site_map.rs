//! The table of routes.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::routing::MethodRouter;
use keyward_core::Scope;

use super::to_end::ToEnd;

pub(super) const HOME: &str = "/keys";

/// A picture of a phone is refused at its field, and has up to some 12 MiB. Its end is read, but not kept.
const MAX_FILE_BODY: usize = 16 * 1_024 * 1_024;

pub(super) struct Route<S> {
    path: &'static str,
    handlers: MethodRouter<S>,
    has_page: bool,
    is_destination: bool,
    entry: Option<Entry>,
    form: Option<FormPage>,
    sign_in_reason: Option<&'static str>,
    #[cfg(test)]
    has_file: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Menu {
    Account,
    Operator,
    User,
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) menu: Menu,
    pub(super) path: &'static str,
    pub(super) label: &'static str,
    pub(super) scope: Option<Scope>,
}

#[derive(Clone, Copy, Debug)]
struct FormPage {
    path: &'static str,
    kept: Option<(&'static str, &'static str)>,
}

impl<S: Clone + Send + Sync + 'static> Route<S> {
    pub(super) fn page<H: Handler<T, S>, T: 'static>(path: &'static str, handler: H) -> Self {
        let handlers = MethodRouter::new().get(handler);
        Self::new(path, handlers, true, None)
    }

    pub(super) fn action<H: Handler<T, S>, T: 'static>(
        path: &'static str,
        form_page: &'static str,
        handler: H,
    ) -> Self {
        let handlers = MethodRouter::new().post(ToEnd(handler));
        let form = Some(FormPage { path: form_page, kept: None });
        Self::new(path, handlers, false, form)
    }

    fn new(path: &'static str, handlers: MethodRouter<S>, has_page: bool, form: Option<FormPage>) -> Self {
        Self {
            path,
            handlers,
            has_page,
            is_destination: false,
            entry: None,
            form,
            sign_in_reason: None,
            #[cfg(test)]
            has_file: false,
        }
    }

    pub(super) fn post<H: Handler<T, S>, T: 'static>(self, handler: H) -> Self {
        self.anonymous_post(ToEnd(handler))
    }

    /// Takes forms of strangers. A client that leaves gives up its place in the queue for a hash.
    pub(super) fn anonymous_post<H: Handler<T, S>, T: 'static>(mut self, handler: H) -> Self {
        self.handlers = self.handlers.post(handler);
        self.form = Some(FormPage { path: self.path, kept: None });
        self
    }

    pub(super) fn keep(mut self, parameter: &'static str, field: &'static str) -> Self {
        self.form = self.form.map(|form| FormPage { kept: Some((parameter, field)), ..form });
        self
    }

    pub(super) fn destination(mut self) -> Self {
        self.is_destination = true;
        self
    }

    pub(super) fn menu(mut self, menu: Menu, label: &'static str, scope: impl Into<Option<Scope>>) -> Self {
        self.entry = Some(Entry { menu, path: self.path, label, scope: scope.into() });
        self
    }

    /// Takes a longer body than other forms, which a file makes. The handler reads it with `SignedInForm::with_file`.
    pub(super) fn takes_a_file(mut self) -> Self {
        #[cfg(test)]
        {
            self.has_file = true;
        }
        self.handlers = self.handlers.layer(DefaultBodyLimit::max(MAX_FILE_BODY));
        self
    }

    /// Names what needs a recent sign-in.
    pub(super) fn asks_before(mut self, reason: &'static str) -> Self {
        self.sign_in_reason = Some(reason);
        self
    }

    pub(super) fn mount(self, router: Router<S>) -> Router<S> {
        router.route(self.path, self.handlers)
    }
}

pub(super) struct SiteMap {
    entries: Vec<Entry>,
    destinations: matchit::Router<()>,
    forms: matchit::Router<FormPage>,
    sign_in_reasons: matchit::Router<&'static str>,
}

impl SiteMap {
    pub(super) fn of<S>(routes: &[Route<S>]) -> Self {
        let mut entries: Vec<Entry> = routes.iter().filter_map(|route| route.entry.clone()).collect();
        entries.sort_by_key(|entry| entry.menu);
        let (mut destinations, mut forms) = (matchit::Router::new(), matchit::Router::new());
        let mut sign_in_reasons = matchit::Router::new();
        for route in routes {
            if route.has_page && route.is_destination {
                destinations.insert(route.path, ()).expect("axum accepts the same paths");
            }
            if let Some(form) = route.form {
                forms.insert(route.path, form).expect("axum accepts the same paths");
            }
            if let Some(reason) = route.sign_in_reason {
                sign_in_reasons.insert(route.path, reason).expect("axum accepts the same paths");
            }
        }
        Self { entries, destinations, forms, sign_in_reasons }
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn destination<'t>(&self, to: &'t str) -> &'t str {
        let path = to.split('?').next().unwrap_or_default();
        let is_plain = to.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        if is_plain && self.is_destination(path) { to } else { HOME }
    }

    pub(super) fn is_destination(&self, path: &str) -> bool {
        self.destinations.at(path).is_ok()
    }

    pub(super) fn sign_in_reason(&self, path: &str) -> Option<&'static str> {
        self.sign_in_reasons.at(path).ok().map(|found| *found.value)
    }

    pub(super) fn form_page(&self, path: &str) -> (String, Option<(&'static str, String)>) {
        let Ok(found) = self.forms.at(path) else { return (HOME.to_owned(), None) };
        let mut page = found.value.path.to_owned();
        for (name, value) in found.params.iter() {
            page = page.replace(&format!("{{{name}}}"), value);
        }
        let kept = found.value.kept.map(|(name, field)| (field, found.params.get(name).unwrap_or_default().to_owned()));
        (page, kept)
    }
}

#[cfg(test)]
impl<S> Route<S> {
    pub(super) fn path(&self) -> &'static str {
        self.path
    }

    pub(super) fn takes_forms(&self) -> bool {
        self.form.is_some()
    }

    pub(super) fn has_file(&self) -> bool {
        self.has_file
    }

    pub(super) fn page_path(&self) -> Option<&'static str> {
        self.has_page.then_some(self.path)
    }

    pub(super) fn leads_here(&self) -> bool {
        self.is_destination
    }

    pub(super) fn form_path(&self) -> Option<&'static str> {
        self.form.map(|form| form.path)
    }
}
