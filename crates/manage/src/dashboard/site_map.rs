//! The table of routes. A feature declares each route once; the router, the navigation, the redirects after sign-in and
//! the way back to a form derive from it.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects, clippy::indexing_slicing))] // It reads input.

use axum::Router;
use axum::handler::Handler;
use axum::routing::MethodRouter;
use keyward_core::Scope;

/// The page that sign-in leads to by default.
pub(super) const HOME: &str = "/keys";

/// A route, as its feature declares it.
pub(super) struct Route<S> {
    path: &'static str,
    handlers: MethodRouter<S>,
    has_page: bool,
    is_destination: bool,
    entry: Option<Entry>,
    form: Option<FormPage>,
}

/// A list of links in the navigation, in the order of display.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Menu {
    /// Pages about the current account; their paths contain `{account}`.
    Account,
    /// Pages about the whole deployment, by the rights in the operator's account.
    Operator,
    /// Pages about the user.
    User,
}

/// A link in the navigation.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) menu: Menu,
    pub(super) path: &'static str,
    pub(super) label: &'static str,
    /// The scope that the user needs to see the link, if any.
    pub(super) scope: Option<Scope>,
}

/// The page on which a form stands.
#[derive(Clone, Copy, Debug)]
struct FormPage {
    path: &'static str,
    /// A parameter of the action's path, and the query field that carries it to the page.
    kept: Option<(&'static str, &'static str)>,
}

impl<S: Clone + Send + Sync + 'static> Route<S> {
    /// A page.
    pub(super) fn page<H: Handler<T, S>, T: 'static>(path: &'static str, handler: H) -> Self {
        let handlers = MethodRouter::new().get(handler);
        Self { path, handlers, has_page: true, is_destination: false, entry: None, form: None }
    }

    /// An action, whose form stands on the page `form_page`. Both paths name their parameters alike.
    pub(super) fn action<H: Handler<T, S>, T: 'static>(
        path: &'static str,
        form_page: &'static str,
        handler: H,
    ) -> Self {
        let handlers = MethodRouter::new().post(handler);
        let form = Some(FormPage { path: form_page, kept: None });
        Self { path, handlers, has_page: false, is_destination: false, entry: None, form }
    }

    /// Handles the form on this page.
    pub(super) fn post<H: Handler<T, S>, T: 'static>(mut self, handler: H) -> Self {
        self.handlers = self.handlers.post(handler);
        self.form = Some(FormPage { path: self.path, kept: None });
        self
    }

    /// Keeps a parameter of the action's path as a query field of the form's page.
    pub(super) fn keep(mut self, parameter: &'static str, field: &'static str) -> Self {
        self.form = self.form.map(|form| FormPage { kept: Some((parameter, field)), ..form });
        self
    }

    /// Lets sign-in lead to this page.
    pub(super) fn destination(mut self) -> Self {
        self.is_destination = true;
        self
    }

    /// Shows this page in the navigation, to users with `scope`.
    pub(super) fn menu(mut self, menu: Menu, label: &'static str, scope: impl Into<Option<Scope>>) -> Self {
        self.entry = Some(Entry { menu, path: self.path, label, scope: scope.into() });
        self
    }

    /// Adds the route to a router.
    pub(super) fn mount(self, router: Router<S>) -> Router<S> {
        router.route(self.path, self.handlers)
    }
}

/// The navigation, the destinations and the form pages, derived from the table.
pub(super) struct SiteMap {
    entries: Vec<Entry>,
    destinations: matchit::Router<()>,
    forms: matchit::Router<FormPage>,
}

impl SiteMap {
    /// Derives the map from the table.
    ///
    /// # Panics
    /// If two routes conflict; axum panics on the same routes.
    pub(super) fn of<S>(routes: &[Route<S>]) -> Self {
        let mut entries: Vec<Entry> = routes.iter().filter_map(|route| route.entry.clone()).collect();
        entries.sort_by_key(|entry| entry.menu);
        let (mut destinations, mut forms) = (matchit::Router::new(), matchit::Router::new());
        for route in routes {
            if route.has_page && route.is_destination {
                destinations.insert(route.path, ()).expect("axum accepts the same paths");
            }
            if let Some(form) = route.form {
                forms.insert(route.path, form).expect("axum accepts the same paths");
            }
        }
        Self { entries, destinations, forms }
    }

    /// The links of the navigation, in the order of display.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns `to` if sign-in may lead there, and the home page otherwise.
    pub(super) fn destination<'t>(&self, to: &'t str) -> &'t str {
        let path = to.split('?').next().unwrap_or_default();
        let is_plain = to.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
        if is_plain && self.destinations.at(path).is_ok() { to } else { HOME }
    }

    /// The page of the form that was sent to `path`, and the query field that it keeps from that path.
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
    /// The path, if the route has a page.
    pub(super) fn page_path(&self) -> Option<&'static str> {
        self.has_page.then_some(self.path)
    }

    pub(super) fn is_destination(&self) -> bool {
        self.is_destination
    }

    /// The path of the form's page, if the route takes a form.
    pub(super) fn form_path(&self) -> Option<&'static str> {
        self.form.map(|form| form.path)
    }
}
