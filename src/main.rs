//! `provisiond`: see the library of the same name.

use std::process::ExitCode;

fn main() -> ExitCode {
    provisiond::install_crypto_provider();
    provisiond::run()
}
