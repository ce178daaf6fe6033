mod clock;
mod permits;
mod rates;

pub use permits::ValkeyPermits;
pub use rates::ValkeyRates;
