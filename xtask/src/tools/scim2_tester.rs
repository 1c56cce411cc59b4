//! The only place that finds or installs scim2-tester, which checks a SCIM service against the RFCs. It wants Python 3.11 or newer.

use std::path::PathBuf;

use anyhow::Result;

use super::{is_executable, python};
use crate::command::{self, program, say};
use crate::workspace;

/// The newest versions; what they check differs between them.
const PACKAGES: [&str; 4] = [
    "scim2-tester==0.5.2",
    "scim2-client==0.13.2",
    "scim2-models==0.12.3",
    "httpx2==2.16.2",
];

/// Ends with an error unless exactly these versions are there.
const VERSIONS: &str = "
import sys
from importlib.metadata import version
for package in sys.argv[1:]:
    name, wanted = package.split('==')
    assert version(name) == wanted, f'{name} {version(name)}'
";

/// The Python that has the tester.
pub fn find_or_install() -> Result<PathBuf> {
    let folder = workspace::tools().join("scim2-tester");
    let python = folder.join("bin/python");
    let is_there = || command::output(program(&python).args(["-c", VERSIONS]).args(PACKAGES));
    if !is_executable(&python) || is_there().is_err() {
        say("scim2-tester is missing: installing it into target/xtask-tools");
        python::install(&folder, &PACKAGES)?;
        is_there()?;
    }
    say(&format!("{} in {}", PACKAGES[0], folder.display()));
    Ok(python)
}
