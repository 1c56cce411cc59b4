//! How a run of entra-sim is shown while it goes on: a bar on a terminal, plain lines elsewhere.

use std::io::IsTerminal as _;

use entra_sim::{CycleReport, Event, Phase};
use indicatif::{ProgressBar, ProgressStyle};

/// Follows a run.
pub struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    /// On standard error, so that standard output stays for results.
    pub fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style =
                ProgressStyle::with_template("{prefix:>12} {bar:40} {pos:>5}/{len:<5} {msg}")
                    .expect("the template is right");
            ProgressBar::new(0).with_style(style)
        });
        Self { bar }
    }

    /// Shows what happened.
    pub fn see(&mut self, event: &Event) {
        match event {
            // Each failure is counted in the line of its cycle.
            Event::CycleStarted { .. } | Event::RetryScheduled { .. } => {}
            Event::PhaseStarted {
                cycle,
                phase,
                objects,
            } => self.phase(*cycle, *phase, *objects),
            Event::ObjectDone { .. } => {
                if let Some(bar) = &self.bar {
                    bar.inc(1);
                }
            }
            Event::Waiting { .. } => self.say("the server does not answer; waiting for it"),
            Event::Quarantined {
                reason,
                next_try_hours,
            } => {
                self.say(&format!(
                    "quarantined ({reason}); Entra would try again in {next_try_hours} hours"
                ));
            }
            Event::QuarantineLifted => self.say("the quarantine is lifted"),
            Event::CycleFinished(report) => self.say(&summary(report)),
        }
    }

    /// Takes the bar away.
    pub fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }

    fn phase(&self, cycle: u32, phase: Phase, objects: usize) {
        if let Some(bar) = &self.bar {
            bar.set_prefix(format!("cycle {cycle}"));
            bar.set_message(name(phase));
            bar.set_length(u64::try_from(objects).unwrap_or(u64::MAX));
            bar.set_position(0);
        }
    }

    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => eprintln!("{line}"),
        }
    }
}

const fn name(phase: Phase) -> &'static str {
    match phase {
        Phase::Probe => "test connection",
        Phase::OnDemand => "provision on demand",
        Phase::Users => "users",
        Phase::Groups => "groups",
        Phase::References => "managers",
        Phase::Members => "members",
    }
}

/// One cycle in one line.
fn summary(report: &CycleReport) -> String {
    let waiting = match report.escrowed {
        0 => String::new(),
        escrowed => format!(", {escrowed} to be tried again"),
    };
    let stopped = report
        .stopped
        .as_ref()
        .map(|why| format!("; stopped: {why}"))
        .unwrap_or_default();
    format!(
        "cycle {}: {} objects in {:.1} s: {} created, {} matched, {} updated, {} disabled, {} enabled, {} deleted, {} managers, {} members, {} unchanged, \
         {} errors{waiting}{stopped}",
        report.number,
        report.objects,
        std::time::Duration::from_millis(report.duration_ms).as_secs_f64(),
        report.created,
        report.matched,
        report.updated,
        report.disabled,
        report.enabled,
        report.deleted,
        report.references,
        report.memberships,
        report.skipped,
        report.errors,
    )
}
