//~ #[keyward::store::async_trait]
use keyward_tests::messages::keyward;

use keyward::key::Digest;
use keyward::store::{Found, Freshness, KeyStore, StoreError};

pub struct Table;

impl KeyStore for Table {
    async fn find(&self, _: &Digest) -> Result<Found, StoreError> {
        Ok(Found::unknown())
    }

    fn freshness(&self) -> Freshness {
        Freshness::BoundedAge(std::time::Duration::ZERO)
    }
}
