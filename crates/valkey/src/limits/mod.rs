mod clock;
mod permits;
mod rates;
mod rules;

pub use permits::ValkeyPermits;
pub use rates::ValkeyRates;
pub use rules::ValkeyLimits;
