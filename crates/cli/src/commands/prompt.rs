use std::io::{IsTerminal, Write};

use keyward_client::Secret;
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind};
use crate::output::visible;

pub(super) fn confirm(question: &str) -> Result<(), Error> {
    check_terminal("--yes")?;
    eprint!("{} [y/N] ", visible(question));
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        Ok(())
    } else {
        Err(Error::new(ErrorKind::Declined, "declined: nothing was changed"))
    }
}

pub(super) fn check_terminal(flag: &str) -> Result<(), Error> {
    if std::io::stdin().is_terminal() {
        Ok(())
    } else {
        Err(Error::usage(format!("standard input is not a terminal: pass {flag}")))
    }
}

pub(super) fn secret(prompt: &str, flag: &str, from_stdin: bool) -> Result<Secret, Error> {
    if from_stdin {
        let mut line = Zeroizing::new(String::new());
        std::io::stdin().read_line(&mut line)?;
        return Ok(Secret::new(line.trim_end_matches(['\r', '\n'])));
    }
    check_terminal(flag)?;
    let typed = tokio::task::block_in_place(|| rpassword::prompt_password(prompt));
    Ok(Secret::new(typed.map_err(|error| Error::usage(format!("cannot read the terminal: {error}")))?))
}

pub(super) fn new_password(flag: &str, from_stdin: bool) -> Result<Secret, Error> {
    let password = secret("New password: ", flag, from_stdin)?;
    if !from_stdin && secret("Repeat the password: ", flag, false)?.expose() != password.expose() {
        return Err(Error::usage("the two passwords differ: nothing was changed"));
    }
    Ok(password)
}
