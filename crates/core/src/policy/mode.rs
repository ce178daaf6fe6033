use std::marker::PhantomData;
use std::ops::Deref;

use super::Policy;
use crate::identity::Identity;
use crate::key::Mode;
use crate::rejection::Rejection;

/// Live mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Live {}

/// Test mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Test {}

/// [`Live`] or [`Test`].
pub trait ModeType: sealed::Sealed + Send + Sync + 'static {
    /// The mode.
    const MODE: Mode;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Live {}
    impl Sealed for super::Test {}
}

impl ModeType for Live {
    const MODE: Mode = Mode::Live;
}

impl ModeType for Test {
    const MODE: Mode = Mode::Test;
}

/// A value of one mode, which only [`ByMode`] creates.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct InMode<M: ModeType, T> {
    value: T,
    mode: PhantomData<M>,
}

impl<M: ModeType, T> InMode<M, T> {
    /// Returns `true` in live mode.
    #[must_use]
    pub fn livemode(&self) -> bool {
        M::MODE == Mode::Live
    }

    /// Converts the value within its mode.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> InMode<M, U> {
        InMode { value: make(self.value), mode: PhantomData }
    }

    /// Returns the value without its mode.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<M: ModeType, T: Clone> Clone for InMode<M, T> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), mode: PhantomData }
    }
}

impl<M: ModeType, T: Copy> Copy for InMode<M, T> {}

impl<M: ModeType, T> Deref for InMode<M, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// A live value and a test value.
///
/// # Examples
/// ```
/// use keyward::policy::{ByMode, InMode, ModeType, Modal};
/// use keyward::Identity;
///
/// fn count<M: ModeType>(rows: InMode<M, &Vec<&str>>) -> (usize, bool) {
///     (rows.len(), rows.livemode())
/// }
///
/// let data = ByMode::new(vec!["real"], vec!["sample", "sample"]);
/// let identity = Identity::api_key("key_1".parse()?, "acct_1".parse()?);
/// let (rows, livemode) = match data.of(&identity) {
///     Modal::Live(rows) => count(rows),
///     Modal::Test(rows) => count(rows),
/// };
/// assert_eq!((rows, livemode), (1, true));
/// # Ok::<(), keyward::id::IdError>(())
/// ```
/// Mixing them does not compile:
/// ```compile_fail,E0308
/// use keyward::policy::{InMode, Live, Modal, Test};
///
/// fn copy(from: InMode<Live, &str>, to: InMode<Live, &str>) {}
///
/// fn mix(live: InMode<Live, &'static str>, test: InMode<Test, &'static str>) {
///     copy(live, test);
/// }
/// ```
#[derive(Clone, Debug, Default)]
pub struct ByMode<T> {
    live: T,
    test: T,
}

/// A value of either mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Modal<T> {
    /// A live value.
    Live(InMode<Live, T>),
    /// A test value.
    Test(InMode<Test, T>),
}

impl<T> ByMode<T> {
    /// Creates the pair.
    #[must_use]
    pub fn new(live: T, test: T) -> Self {
        Self { live, test }
    }

    /// Returns the value of the identity's mode.
    #[must_use]
    pub fn of(&self, identity: &Identity) -> Modal<&T> {
        match identity.mode() {
            Mode::Live => Modal::Live(InMode { value: &self.live, mode: PhantomData }),
            Mode::Test => Modal::Test(InMode { value: &self.test, mode: PhantomData }),
        }
    }
}

/// Requires a mode.
///
/// # Examples
/// ```
/// use keyward::policy::Policy;
/// use keyward::{Identity, Mode};
///
/// let identity = Identity::api_key("key_1".parse()?, "acct_1".parse()?);
/// assert!(Mode::Live.check(&identity).is_ok());
/// assert_eq!(Mode::Test.check(&identity).unwrap_err().code(), "MODE_NOT_ALLOWED");
/// # Ok::<(), keyward::id::IdError>(())
/// ```
impl Policy for Mode {
    fn check(&self, identity: &Identity) -> Result<(), Rejection> {
        if identity.mode() == *self { Ok(()) } else { Err(Rejection::ModeNotAllowed(*self)) }
    }
}
