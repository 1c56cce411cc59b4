//! `provisiond entra-sim --readiness`: Microsoft's validation tests against a SCIM endpoint, as a table.

use std::process::ExitCode;

use entra_sim::{ReadinessReport, ReadinessTest, Target};
use serde_json::json;

use crate::output::{self, Column, shown};

/// Plays all tests. The exit code is 0 when every mandatory one passed.
pub async fn run(target: &Target, as_json: bool) -> anyhow::Result<ExitCode> {
    let report = entra_sim::check_readiness(target, &mut |_| {}).await?;
    if as_json {
        output::line(json!({
            "ready": report.ready(),
            "passed": report.passed(),
            "failed": report.failed(),
            "tests": report.tests,
        }))?;
    } else {
        print(&report)?;
    }
    Ok(if report.ready() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn print(report: &ReadinessReport) -> anyhow::Result<()> {
    let rows: Vec<_> = report.tests.iter().map(row).collect();
    let columns = [
        Column::Fixed("test"),
        Column::Fixed("mandatory"),
        Column::Fixed("result"),
        Column::Fixed("ms"),
        Column::Text("title"),
    ];
    output::line(output::table(&columns, &rows))?;
    for test in report.tests.iter().filter(|test| !test.passed) {
        output::line(format_args!(
            "\n{} {}\n  failed: {}\n  change: {}",
            test.id,
            test.title,
            shown(test.failure.as_deref().unwrap_or_default()),
            test.advice.unwrap_or_default(),
        ))?;
        if let Some(last) = test.exchanges.last() {
            output::line(format_args!(
                "  after:  {} -> {}",
                shown(&last.request),
                last.http_status
            ))?;
        }
    }
    output::line(format_args!(
        "\n{} passed, {} failed: {}",
        report.passed(),
        report.failed(),
        if report.ready() { "ready" } else { "NOT ready" },
    ))?;
    Ok(())
}

fn row(test: &ReadinessTest) -> Vec<String> {
    let word = |flag: bool, yes: &str, no: &str| if flag { yes } else { no }.to_owned();
    vec![
        test.id.to_owned(),
        word(test.mandatory, "yes", "no"),
        word(test.passed, "passed", "FAILED"),
        test.duration.as_millis().to_string(),
        test.title.to_owned(),
    ]
}
