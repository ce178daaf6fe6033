//! Skips a test whose programs are not installed and says how to install them.
//!
//! A test names its programs, and libtest shows the reason if one is missing:
//!
//! ```text
//! #[needs(postgresql, curl)]
//! #[test]
//! fn a_server_answers() {}
//! ```
//!
//! ```text
//! test a_server_answers ... ignored, needs PostgreSQL (apt-get install postgresql)
//! ```
//!
//! `src/programs.rs` lists the names. The build script of this crate looks for the programs.

use proc_macro::{Literal, TokenStream, TokenTree};

mod programs;

use programs::{PROGRAMS, Program};

/// Ignores the test below unless all of these programs are installed. Put it above `#[test]`.
#[proc_macro_attribute]
pub fn needs(programs: TokenStream, test: TokenStream) -> TokenStream {
    match reason(programs) {
        Ok(None) => test,
        Ok(Some(reason)) => {
            let mut ignored: TokenStream =
                format!("#[ignore = {}]", Literal::string(&reason)).parse().unwrap_or_default();
            ignored.extend(test);
            ignored
        }
        Err(error) => error,
    }
}

/// `None` if all of these programs are installed, else `Some` reason to skip.
#[proc_macro]
pub fn missing(programs: TokenStream) -> TokenStream {
    let expression = match reason(programs) {
        Ok(None) => "::core::option::Option::<&'static str>::None".to_owned(),
        Ok(Some(reason)) => format!("::core::option::Option::<&'static str>::Some({})", Literal::string(&reason)),
        Err(error) => return error,
    };
    expression.parse().unwrap_or_default()
}

/// An error is code that does not compile.
fn reason(names: TokenStream) -> Result<Option<String>, TokenStream> {
    let mut missing = Vec::new();
    for name in names {
        let name = match name {
            TokenTree::Ident(name) => name.to_string(),
            TokenTree::Punct(comma) if comma.as_char() == ',' => continue,
            other => return Err(compile_error(&format!("unexpected `{other}`: write the names of programs"))),
        };
        let Some(program) = PROGRAMS.iter().find(|program| program.name == name) else {
            return Err(compile_error(&format!("unknown program `{name}`: add it to tests/needs/src/programs.rs")));
        };
        if is_missing(program) {
            missing.push(format!("{} ({})", program.title, program.how()));
        }
    }
    Ok((!missing.is_empty()).then(|| format!("needs {}", missing.join(" and "))))
}

fn is_missing(program: &Program) -> bool {
    env!("KEYWARD_MISSING").split(',').any(|name| name == program.name)
}

fn compile_error(message: &str) -> TokenStream {
    format!("::core::compile_error!({});", Literal::string(message)).parse().unwrap_or_default()
}
