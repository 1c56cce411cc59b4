//! Where buf is, the generic client: `cargo xtask test` finds or installs it. A test that needs it fails without it; it never skips.

use std::path::PathBuf;

/// The program.
pub fn buf() -> PathBuf {
    let tools = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/xtask-tools");
    let named = std::env::var_os("BUF").map(PathBuf::from);
    let search_path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&search_path).map(|folder| folder.join("buf"));
    let installed = [
        tools.join("buf-npm/node_modules/.bin/buf"),
        tools.join("buf-pip/bin/buf"),
    ];
    named
        .into_iter()
        .chain(on_path)
        .chain(installed)
        .find(|program| program.is_file())
        .expect("buf is missing: run `cargo xtask test`, which installs it")
}
