//! The extractors of a handler.
//!
//! The macro `routes!` knows the type of each argument of a handler. It calls `describe` on each `&Argument<T>`. The compiler
//! prefers [`OfDescribed`], and takes [`OfOthers`], which is one reference further, for all other types.

use std::marker::PhantomData;

use keyward_core::{Guard, Requirement, Scope};
use utoipa::openapi::path::Paths;
use utoipa::openapi::security::SecurityRequirement;

use super::security::{BEARER, with_methods};
use crate::{Authenticated, Guarded, KeyWatch, OwnAccount};

/// An extractor that requires something of the caller.
///
/// # Examples
/// ```
/// use keyward::axum::openapi::{Describe, Needs};
/// use keyward::axum::{Guarded, Scoped};
///
/// keyward::axum::scopes! { NotesRead = "notes:read"; }
///
/// /// An extractor of your own.
/// struct Reader(Scoped<NotesRead>);
///
/// impl Describe for Reader {
///     fn describe(needs: &mut Needs) {
///         Scoped::<NotesRead>::describe(needs);
///     }
/// }
/// ```
pub trait Describe {
    /// Adds what this extractor requires.
    fn describe(needs: &mut Needs);
}

/// The requirements of a handler's extractors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    credential: Credential,
    requirements: Vec<Requirement>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Credential {
    #[default]
    Unknown,
    Optional,
    Required,
}

impl Needs {
    /// Adds a credential.
    pub fn credential(&mut self) {
        self.credential = Credential::Required;
    }

    /// Adds a credential that a request may leave out.
    pub fn optional_credential(&mut self) {
        self.credential = self.credential.max(Credential::Optional);
    }

    /// Adds a credential with these scopes.
    pub fn scopes(&mut self, requirement: Requirement) {
        self.credential();
        self.requirements.push(requirement);
    }

    /// Each of the lists of scopes is enough.
    fn alternatives(&self) -> Vec<Vec<Scope>> {
        let mut alternatives: Vec<Vec<Scope>> = vec![Vec::new()];
        for requirement in &self.requirements {
            let choices: Vec<&[Scope]> = if requirement.is_any() {
                requirement.scopes().chunks(1).collect()
            } else {
                vec![requirement.scopes()]
            };
            let with = |before: &Vec<Scope>, choice: &[Scope]| {
                let new = choice.iter().filter(|scope| !before.contains(scope));
                before.iter().chain(new).cloned().collect::<Vec<_>>()
            };
            alternatives =
                alternatives.iter().flat_map(|before| choices.iter().map(move |choice| with(before, choice))).collect();
        }
        alternatives
    }

    fn security(&self) -> Option<Vec<SecurityRequirement>> {
        let alternatives = self
            .alternatives()
            .into_iter()
            .map(|scopes| SecurityRequirement::new(BEARER, scopes.iter().map(Scope::as_str)));
        match self.credential {
            Credential::Unknown => None,
            Credential::Optional => Some(alternatives.chain([SecurityRequirement::default()]).collect()),
            Credential::Required => Some(alternatives.collect()),
        }
    }
}

impl Describe for Authenticated {
    fn describe(needs: &mut Needs) {
        needs.credential();
    }
}

impl Describe for Option<Authenticated> {
    fn describe(needs: &mut Needs) {
        needs.optional_credential();
    }
}

impl<G: Guard> Describe for Guarded<G> {
    fn describe(needs: &mut Needs) {
        needs.credential();
        G::requirements().into_iter().for_each(|requirement| needs.scopes(requirement));
    }
}

impl Describe for OwnAccount {
    fn describe(needs: &mut Needs) {
        needs.credential();
    }
}

impl Describe for KeyWatch {
    fn describe(needs: &mut Needs) {
        needs.credential();
    }
}

/// An argument of a handler, without its value.
#[derive(Debug)]
pub struct Argument<T>(PhantomData<fn() -> T>);

impl Argument<()> {
    /// Returns the arguments of a handler, filled up to 16.
    #[must_use]
    pub fn of_handler<F: Arguments<A>, A>(handler: &F) -> F::Slots {
        handler.slots()
    }
}

impl<T> Argument<T> {
    fn new() -> Self {
        Self(PhantomData)
    }
}

/// A handler with the arguments `A`.
pub trait Arguments<A> {
    /// Sixteen arguments.
    type Slots;

    /// Returns the arguments.
    fn slots(&self) -> Self::Slots;
}

/// An argument that is described.
pub trait OfDescribed {
    /// Adds what it requires.
    fn describe(&self, needs: &mut Needs);
}

impl<T: Describe> OfDescribed for Argument<T> {
    fn describe(&self, needs: &mut Needs) {
        T::describe(needs);
    }
}

/// Any other argument.
pub trait OfOthers {
    /// Adds nothing.
    fn describe(&self, needs: &mut Needs);
}

impl<T> OfOthers for &Argument<T> {
    fn describe(&self, _: &mut Needs) {}
}

macro_rules! arguments {
    ([$($name:ident)*] [$($filler:ty)*]) => {
        impl<Function, Answer, $($name),*> Arguments<($($name,)*)> for Function
        where
            Function: Fn($($name),*) -> Answer,
        {
            type Slots = ($(Argument<$name>,)* $(Argument<$filler>,)*);

            fn slots(&self) -> Self::Slots {
                ($(Argument::<$name>::new(),)* $(Argument::<$filler>::new(),)*)
            }
        }
    };
}

arguments!([][()()()()()()()()()()()()()()()()]);
arguments!([A][()()()()()()()()()()()()()()()]);
arguments!([A B] [() () () () () () () () () () () () () ()]);
arguments!([A B C] [() () () () () () () () () () () () ()]);
arguments!([A B C D] [() () () () () () () () () () () ()]);
arguments!([A B C D E] [() () () () () () () () () () ()]);
arguments!([A B C D E F] [() () () () () () () () () ()]);
arguments!([A B C D E F G] [() () () () () () () () ()]);
arguments!([A B C D E F G H] [() () () () () () () ()]);
arguments!([A B C D E F G H I] [() () () () () () ()]);
arguments!([A B C D E F G H I J] [() () () () () ()]);
arguments!([A B C D E F G H I J K] [() () () () ()]);
arguments!([A B C D E F G H I J K L] [() () () ()]);
arguments!([A B C D E F G H I J K L M] [() () ()]);
arguments!([A B C D E F G H I J K L M N] [() ()]);
arguments!([A B C D E F G H I J K L M N O] [()]);
arguments!([A B C D E F G H I J K L M N O P] []);

/// Writes the needs into each operation that does not state its own.
pub fn describe(paths: &mut Paths, needs: &Needs) {
    for (_, operation) in paths.paths.values_mut().flat_map(with_methods) {
        if operation.security.is_none() {
            operation.security = needs.security();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // An unwrap is an assertion here.
mod tests {
    use super::*;

    fn scopes(requirements: &[Requirement]) -> Vec<Vec<String>> {
        let mut needs = Needs::default();
        requirements.iter().cloned().for_each(|requirement| needs.scopes(requirement));
        let alternatives = needs.alternatives().into_iter();
        alternatives.map(|scopes| scopes.iter().map(ToString::to_string).collect()).collect()
    }

    #[test]
    fn several_requirements_become_alternatives() {
        let of = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect::<Vec<Scope>>();
        let (all, any) =
            (|names: &[&str]| Requirement::all_of(of(names)), |names: &[&str]| Requirement::any_of(of(names)));
        assert_eq!(scopes(&[]), [Vec::<String>::new()]);
        assert_eq!(scopes(&[all(&["a:a", "b:b"])]), [["a:a", "b:b"]]);
        assert_eq!(scopes(&[any(&["a:a", "b:b"])]), [["a:a"], ["b:b"]]);
        assert_eq!(scopes(&[all(&["a:a"]), any(&["a:a", "b:b"])]), [vec!["a:a"], vec!["a:a", "b:b"]]);
    }
}
