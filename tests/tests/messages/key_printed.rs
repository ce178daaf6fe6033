//~ error[E0277]
//~ `PlainKey` doesn't implement `std::fmt::Display`
use keyward_tests::messages::keyward;

pub fn print(key: &keyward::PlainKey) -> String {
    format!("{key}")
}
