//! The only place that knows where the project's files are.

use std::path::{Path, PathBuf};

/// The folder of the root manifest.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask/ lies in the root")
}

/// Where tools live that only this project uses: `cargo clean` removes them too.
pub fn tools() -> PathBuf {
    root().join("target/xtask-tools")
}
