//~ error[E0369]
//~ PlainKey
use keyward_tests::messages::keyward;

pub fn equal(one: keyward::PlainKey, other: keyward::PlainKey) -> bool {
    one == other
}
