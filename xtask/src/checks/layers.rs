//! The only place that checks which crate of the project may depend on which.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::command::{self, cargo};

/// Each crate, and the crates of the project that it may use. The facade reaches the core through the contract only, the simulator
/// knows nothing but HTTP. A test may use anything.
const MAY_USE: [(&str, &[&str]); 8] = [
    ("provisioning-proto", &[]),
    ("provisioning-core", &["provisioning-proto"]),
    ("scim-facade", &["provisioning-proto"]),
    ("admin-grpc", &["provisioning-proto", "provisioning-core"]),
    ("entra-sim", &[]),
    (
        "provisiond",
        &[
            "provisioning-proto",
            "provisioning-core",
            "scim-facade",
            "admin-grpc",
            "entra-sim",
        ],
    ),
    (
        "bench",
        &[
            "provisioning-proto",
            "provisioning-core",
            "scim-facade",
            "admin-grpc",
            "entra-sim",
            "provisiond",
        ],
    ),
    ("xtask", &[]),
];

/// Asks cargo for the dependencies as they are.
pub fn check() -> Result<()> {
    let metadata = command::output(&mut cargo(&["metadata", "--no-deps", "--format-version=1"]))?;
    let wrong =
        violations(&serde_json::from_str(&metadata).context("cargo's metadata is no JSON")?)?;
    ensure!(wrong.is_empty(), "{}", wrong.join("; "));
    Ok(())
}

fn violations(metadata: &Value) -> Result<Vec<String>> {
    let packages = metadata["packages"].as_array().context("no packages")?;
    let mut wrong = Vec::new();
    for package in packages {
        let name = package["name"]
            .as_str()
            .context("a package without a name")?;
        let Some((_, may_use)) = MAY_USE.iter().find(|(known, _)| *known == name) else {
            wrong.push(format!("the layers do not know crate {name}"));
            continue;
        };
        for dependency in package["dependencies"]
            .as_array()
            .context("no dependencies")?
        {
            let used = dependency["name"]
                .as_str()
                .context("a dependency without a name")?;
            let in_project = !dependency["path"].is_null();
            if in_project && dependency["kind"] != "dev" && !may_use.contains(&used) {
                wrong.push(format!("{name} must not depend on {used}"));
            }
        }
    }
    Ok(wrong)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metadata(package: &str, dependency: &Value) -> Value {
        json!({"packages": [{"name": package, "dependencies": [dependency]}]})
    }

    #[test]
    fn the_facade_must_not_see_the_core() {
        let found = metadata(
            "scim-facade",
            &json!({"name": "provisioning-core", "kind": null, "path": "/p"}),
        );
        assert_eq!(
            violations(&found).expect("well formed"),
            ["scim-facade must not depend on provisioning-core"]
        );
    }

    #[test]
    fn a_test_may_use_any_crate_and_outside_crates_are_free() {
        for dependency in [
            json!({"name": "provisioning-core", "kind": "dev", "path": "/p"}),
            json!({"name": "axum", "kind": null, "path": null}),
            json!({"name": "provisioning-proto", "kind": null, "path": "/p"}),
        ] {
            let found = metadata("scim-facade", &dependency);
            assert_eq!(
                violations(&found).expect("well formed"),
                Vec::<String>::new(),
                "{dependency}"
            );
        }
    }

    #[test]
    fn a_new_crate_must_take_its_place() {
        let found = json!({"packages": [{"name": "new", "dependencies": []}]});
        assert_eq!(
            violations(&found).expect("well formed"),
            ["the layers do not know crate new"]
        );
    }
}
