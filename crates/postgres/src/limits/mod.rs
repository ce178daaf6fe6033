mod answer;
mod permits;
mod rates;
mod rules;

pub use permits::PostgresPermits;
pub use rates::PostgresRates;
pub use rules::PostgresLimits;
