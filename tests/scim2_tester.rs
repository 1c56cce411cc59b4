//! The checks of `scim2-tester` (`PyPI`) against the real binary. Not among the tests that `cargo nextest run` runs by itself: `cargo xtask
//! test` has a step for them, which installs the tester and shows what is printed here.

use std::{collections::BTreeMap, process::Stdio, time::Duration};

use provisioning_proto::v1::Dialect;
use serde::Deserialize;
use tokio::{process::Command, time::timeout};

use crate::support::{Panel, Service, Tenant, on_both_engines};

/// Which Python has the tester; set by `cargo xtask test`.
const VARIABLE: &str = "TEST_SCIM2_TESTER_PYTHON";
const SCRIPT: &str = include_str!("scim2_tester/check.py");
/// It takes seconds; this is for a machine under load.
const PATIENCE: Duration = Duration::from_mins(4);
/// Fewer say that the tester did not find what there is to check: it ends early when it cannot read the discovery documents.
const CHECKS_MIN: usize = 130;

/// What one check found.
#[derive(Deserialize)]
struct Check {
    status: String,
    title: Option<String>,
    resource_type: Option<String>,
    reason: Option<String>,
    data: Option<String>,
}

impl Check {
    /// The tester's words for a breach of the RFC.
    fn has_failed(&self) -> bool {
        match self.status.as_str() {
            "SUCCESS" | "COMPLIANT" | "ACCEPTABLE" | "DEVIATION" | "SKIPPED" => false,
            "ERROR" | "CRITICAL" => true,
            other => panic!("the tester says {other}, which this test does not know"),
        }
    }

    /// The first line says it; values follow.
    fn line(&self) -> String {
        let [resource_type, title, reason] = [&self.resource_type, &self.title, &self.reason]
            .map(|field| field.as_deref().unwrap_or_default());
        let reason = reason.lines().next().unwrap_or_default();
        format!("{} {resource_type} {title}: {reason}", self.status)
    }
}

on_both_engines! {
    async fn no_check_fails_in_the_rfcs_dialect(service: Service) {
        assert_eq!(failed_checks(&service, Dialect::Rfc).await, Vec::<String>::new());
    }

    async fn in_entras_dialect_active_is_kept_and_members_have_names(service: Service) {
        let failed = failed_checks(&service, Dialect::Entra).await;
        let deviations = [
            "ERROR User check_remove_attribute: Attribute 'active' was not removed",
            "ERROR Group check_add_attribute: Attribute 'members' was not added or has unexpected value",
            "ERROR Group check_replace_attribute: Attribute 'members' was not replaced or has unexpected value",
        ];
        assert_eq!(failed, deviations);
    }
}

/// Runs every check, prints what they found, and returns those that failed.
async fn failed_checks(service: &Service, dialect: Dialect) -> Vec<String> {
    let tenant = Panel::of(service).await.tenant_in(dialect).await;
    let checks = run(&tenant).await;
    let mut counts = BTreeMap::new();
    for check in &checks {
        *counts.entry(check.status.as_str()).or_insert(0) += 1;
    }
    println!(
        "scim2-tester on {:?}, dialect {dialect:?}: {} checks, {counts:?}",
        service.engine,
        checks.len()
    );
    for check in checks.iter().filter(|check| check.status != "SUCCESS") {
        println!("{}", check.line());
    }
    assert!(
        checks.len() >= CHECKS_MIN,
        "only {} checks were made",
        checks.len()
    );
    let failed = checks.iter().filter(|check| check.has_failed());
    failed
        .inspect(|check| println!("what it saw: {:?}", check.data))
        .map(Check::line)
        .collect()
}

async fn run(tenant: &Tenant) -> Vec<Check> {
    let python = std::env::var(VARIABLE).unwrap_or_else(|_| {
        panic!("{VARIABLE} is not set: run `cargo xtask test`, which installs scim2-tester")
    });
    let tester = Command::new(python)
        .args(["-c", SCRIPT])
        .env("SCIM_ENDPOINT", &tenant.endpoint)
        .env("SCIM_TOKEN", &tenant.token)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(PATIENCE, tester)
        .await
        .expect("it ends in time")
        .expect("Python starts");
    assert!(
        output.status.success(),
        "the tester broke off: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout)
        .expect("it prints JSON")
        .lines()
        .map(|line| serde_json::from_str(line).expect("a result a line"))
        .collect()
}
