use crate::dashboard::form;
use crate::dashboard::visitor::Visitor;

pub(super) struct Methods {
    pub(super) passwords: bool,
    pub(super) provider: Option<(String, String)>,
}

impl Methods {
    pub(super) fn of(visitor: &Visitor, to: &str) -> Self {
        #[cfg(feature = "oidc")]
        let provider = visitor.app.management().identity_provider().map(|provider| provider.button.clone());
        #[cfg(not(feature = "oidc"))]
        let provider = None::<String>;
        let query = form::query("to", to);
        Self { passwords: visitor.app.management().takes_passwords(), provider: provider.map(|label| (query, label)) }
    }
}
