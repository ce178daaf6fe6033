//! Mail over SMTP.

mod address;
mod failure;
#[cfg(test)]
mod hostile;
mod letter;
mod mailer;
mod session;
#[cfg(test)]
mod tests;

pub(crate) use letter::{Letter, quoted};
pub use mailer::{Mailer, MailerError};
pub(crate) use mailer::{Outgoing, SendError};
