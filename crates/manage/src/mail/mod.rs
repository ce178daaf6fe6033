//! Mail over SMTP.

mod address;
mod letter;
mod mailer;
#[cfg(test)]
mod tests;

pub(crate) use letter::{Letter, quoted};
pub use mailer::{Mailer, MailerError};
pub(crate) use mailer::{Outgoing, SendError};
