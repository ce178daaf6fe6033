mod permits;
mod rates;

pub use permits::PostgresPermits;
pub use rates::PostgresRates;
