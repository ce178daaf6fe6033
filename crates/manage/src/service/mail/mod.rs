//! Mails. Each is a record until it is sent, so a restart loses none.

#[cfg(feature = "mail")]
mod compose;
#[cfg(feature = "mail")]
mod events;
#[cfg(feature = "mail")]
mod notices;
mod queue;
#[cfg(feature = "mail")]
mod slots;
#[cfg(feature = "mail")]
mod words;
#[cfg(feature = "mail")]
mod worker;

pub(crate) use queue::MailQuota;
#[cfg(feature = "mail")]
pub(crate) use slots::Slots;
#[cfg(all(feature = "mail", feature = "metrics"))]
pub(crate) use worker::describe_metrics;
