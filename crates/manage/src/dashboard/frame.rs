use askama::Template;
use axum::response::Response;
use http::StatusCode;

use super::assets;
use super::error::PageError;
use super::flash::Note;
use super::links::account_path;
use super::navigation::Navigation;
use super::visitor::Visitor;
use crate::records::Account;
use crate::service::ExampleUrl;

pub(super) struct Frame {
    pub(super) title: String,
    pub(super) base: String,
    pub(super) provider: String,
    pub(super) logo: Option<String>,
    pub(super) accent: Option<String>,
    pub(super) style: &'static str,
    pub(super) script: &'static str,
    pub(super) theme: &'static str,
    pub(super) csrf: String,
    pub(super) navigation: Option<Navigation>,
    pub(super) about: Option<About>,
    pub(super) here: String,
    /// The path of a page, to come back to.
    pub(super) path: String,
    pub(super) note: Option<Note>,
    /// The documentation of the management API.
    pub(super) docs_url: Option<String>,
    /// The documentation of the provider's own API.
    pub(super) api_docs_url: Option<String>,
    pub(super) is_framed: bool,
}

pub(super) struct About {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) is_suspended: bool,
}

impl Frame {
    pub(super) fn open(visitor: &Visitor, title: &str, csrf: String) -> Self {
        let settings = visitor.app.settings();
        Self {
            title: title.to_owned(),
            base: settings.base.clone(),
            provider: visitor.provider().to_owned(),
            logo: assets::logo_name(visitor),
            accent: assets::accent_name(visitor),
            style: &assets::STYLE_NAME,
            script: &assets::SCRIPT_NAME,
            theme: visitor.theme.as_str(),
            csrf,
            navigation: None,
            about: None,
            here: settings.base.clone(),
            path: visitor.return_path(),
            note: Note::of_code(visitor.flash()),
            docs_url: settings.docs_url.clone(),
            api_docs_url: settings.api_docs_url.as_ref().map(ToString::to_string),
            is_framed: visitor.cookies.is_framed(),
        }
    }

    pub(super) fn navigation(self, navigation: Navigation) -> Self {
        Self { navigation: Some(navigation), ..self }
    }

    pub(super) fn about(self, account: &Account) -> Self {
        let is_suspended = account.suspended_at.is_some();
        let about = About { id: account.id.to_string(), name: account.name.clone(), is_suspended };
        let here = format!("{}{}", self.base, account_path(&account.id, ""));
        Self { about: Some(about), here, ..self }
    }

    pub(super) fn api_docs(self, url: Option<&ExampleUrl>) -> Self {
        let api_docs_url = url.map(ToString::to_string).or(self.api_docs_url);
        Self { api_docs_url, ..self }
    }

    /// An error page is the same for all paths.
    pub(super) fn back_to_settings(self) -> Self {
        Self { path: "/settings".to_owned(), ..self }
    }

    pub(super) fn is_suspended(&self) -> bool {
        self.about.as_ref().is_some_and(|about| about.is_suspended)
    }

    pub(super) fn note(mut self, note: impl Into<Option<Note>>) -> Self {
        self.note = note.into().or(self.note);
        self
    }
}

impl Visitor {
    /// The provider's name, as the operator's page or else the configuration has it.
    pub(super) fn provider(&self) -> &str {
        self.look.name.as_deref().unwrap_or(&self.app.settings().name)
    }

    pub(super) fn open_page<T: Template>(
        &self,
        status: StatusCode,
        title: &str,
        page: impl FnOnce(Frame) -> T,
    ) -> Result<Response, PageError> {
        let (token, fresh) = self.visit_token()?;
        let mut response = self.html(status, &page(Frame::open(self, title, token)));
        if let Some(fresh) = fresh {
            self.begin_visit(&mut response, &fresh);
        }
        Ok(response)
    }
}
