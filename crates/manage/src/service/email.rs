//! The local part is unquoted lower-case ASCII: lower case folds some letters into others, and many look the same.

use email_address::{EmailAddress, Options};
use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};
use keyward_core::store::StoreError;

use super::Management;
use crate::error::ManagementError;
use crate::records::{StoredUser, Versioned};

/// RFC 5321 section 4.5.3.1.3.
const MAX_LENGTH: usize = 254;
/// Domains can be longer before they are converted to ASCII.
const MAX_TYPED: usize = 4 * MAX_LENGTH;

pub(crate) fn normal_email(email: &str) -> Result<String, ManagementError> {
    if email.trim().is_empty() {
        return Err(ManagementError::invalid("email", "expected an address such as ada@example.com"));
    }
    parse(email).ok_or_else(|| {
        ManagementError::invalid(
            "email",
            "not an e-mail address: expected one such as ada@example.com, with ASCII characters before the @",
        )
    })
}

fn parse(email: &str) -> Option<String> {
    let (local, domain) = email.trim().rsplit_once('@').filter(|_| email.len() <= MAX_TYPED)?;
    let is_plain = local.is_ascii() && !local.contains(['"', '(', ')', '\\']);
    let domain = Uts46::new()
        .to_ascii(domain.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify)
        .ok()
        .filter(|_| is_plain)?;
    // The last label is never a number, so this also refuses IP addresses.
    let (_, top) = domain.rsplit_once('.')?;
    top.starts_with(|c: char| c.is_ascii_alphabetic()).then_some(())?;
    let email = format!("{}@{domain}", local.to_ascii_lowercase());
    let options = Options::default().without_display_text().without_domain_literal().with_required_tld();
    EmailAddress::parse_with_options(&email, options).ok()?;
    (email.len() <= MAX_LENGTH).then_some(email)
}

fn is_legacy(stored: &str) -> bool {
    parse(stored).as_deref() != Some(stored)
}

pub(crate) struct TypedEmail {
    normal: Option<String>,
    legacy: Option<String>,
}

impl TypedEmail {
    pub(crate) fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() > MAX_LENGTH || !text.contains('@') || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return None;
        }
        let normal = parse(text);
        let legacy = Some(text.to_lowercase()).filter(|legacy| is_legacy(legacy));
        (normal.is_some() || legacy.is_some()).then_some(Self { normal, legacy })
    }

    pub(crate) fn key(&self) -> &str {
        self.normal.as_deref().or(self.legacy.as_deref()).unwrap_or_default()
    }
}

pub(crate) fn key_of(stored: &str) -> String {
    parse(stored).unwrap_or_else(|| stored.to_owned())
}

impl Management {
    pub(crate) async fn find_user(&self, email: &str) -> Result<Option<Versioned<StoredUser>>, StoreError> {
        if let Some(user) = self.find(email).await? {
            return Ok(Some(user));
        }
        // Earlier versions stored the domain in Unicode.
        match email.rsplit_once('@') {
            Some((local, domain)) if domain.contains("xn--") => {
                let (domain, is_valid) = idna::domain_to_unicode(domain);
                if is_valid.is_ok() { self.find(&format!("{local}@{domain}")).await } else { Ok(None) }
            }
            _ => Ok(None),
        }
    }

    pub(crate) async fn find_typed(&self, email: &TypedEmail) -> Result<Option<Versioned<StoredUser>>, StoreError> {
        if let Some(legacy) = &email.legacy {
            let user: Option<Versioned<StoredUser>> = self.find(legacy).await?;
            if let Some(user) = user.filter(|user| is_legacy(&user.email)) {
                return Ok(Some(user));
            }
        }
        match &email.normal {
            Some(normal) => self.find_user(normal).await,
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_one_spelling_each() {
        let long = format!("{}@example.com", "a".repeat(65));
        for (typed, stored) in [
            ("Ada@Example.COM", Some("ada@example.com")),
            (" ada@example.com ", Some("ada@example.com")),
            ("a.b+c_d'e@mail.example", Some("a.b+c_d'e@mail.example")),
            ("ada@bücher.example", Some("ada@xn--bcher-kva.example")),
            ("ada@BU\u{308}CHER.example", Some("ada@xn--bcher-kva.example")),
            ("ada@xn--bcher-kva.example", Some("ada@xn--bcher-kva.example")),
            ("ada@example\u{3002}com", Some("ada@example.com")),
            // U+212A KELVIN SIGN and U+0130 fold into ASCII letters with to_lowercase, or nearly.
            ("\u{212a}im@example.com", None),
            ("\u{130}da@example.com", None),
            ("\u{430}da@example.com", None),
            ("a@@b.c", None),
            ("a,b@c.d", None),
            ("\"a b\"@example.com", None),
            ("a(comment)@example.com", None),
            ("Ada <ada@example.com>", None),
            ("ada@[127.0.0.1]", None),
            ("ada@127.0.0.1", None),
            ("ada@0x7f.1", None),
            (".a@example.com", None),
            ("a..b@example.com", None),
            ("a.@example.com", None),
            ("ada@example", None),
            ("ada@example.com.", None),
            ("ada@-example.com", None),
            ("ada@exa_mple.com", None),
            ("ada@", None),
            ("@example.com", None),
            ("", None),
            (&long, None),
        ] {
            assert_eq!(normal_email(typed).ok().as_deref(), stored, "{typed}");
            // The stored form is found again.
            if let Some(stored) = stored {
                assert_eq!(normal_email(stored).ok().as_deref(), Some(stored));
            }
        }
    }
}
