//! The limits of the guard: what a tenant's settings may say, and how many may pass.

use std::time::Duration;

use crate::{
    clock::Timestamp,
    error::{Reason, Refusal},
};

/// The shortest and the longest window.
const WINDOW_MIN: Duration = Duration::from_mins(1);
const WINDOW_MAX: Duration = Duration::from_hours(7 * 24);
/// The most that may pass within a window, whatever the settings say: beyond, no guard is meant.
const COUNT_MAX: u32 = 100_000;
/// A tenant whose directory deprovisions nobody has its accounts counted once a day for those who ask, however often they do.
const COUNT_SHOWN_MAX: Duration = Duration::from_hours(24);
/// Into so many steps of time a window is divided: 6 seconds of an hour. Each guarded write adds up so many numbers at most.
const STEPS: i64 = 600;

/// How many suspensions, deletions and removals from groups by SCIM pass within a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeprovisionGuard {
    /// The length of the sliding window.
    pub window: Duration,
    /// At most so many.
    pub max_count: Option<u32>,
    /// At most this share, in percent, of the managed accounts that were active when the window began, and never less than one.
    pub max_percent: Option<u32>,
}

impl DeprovisionGuard {
    /// An hour: a cycle of Entra and its half.
    pub const WINDOW_DEFAULT: Duration = Duration::from_hours(1);
    /// The longest window: what is older counts for nobody.
    pub(crate) const WINDOW_MAX: Duration = WINDOW_MAX;

    /// For how long whoever only asks is told the share of the last count. A write takes it of one that is no older than the window.
    pub(crate) fn count_shown(&self) -> Duration {
        self.window.max(COUNT_SHOWN_MAX)
    }

    /// Until when what passes at `at` counts: the end of a step of time, of which a window has [`STEPS`], and so for up to a step longer than the window.
    /// Thus there is one row of what has passed for each step, however much that is.
    pub(crate) fn counted_until(&self, at: Timestamp) -> Timestamp {
        let step = i64::try_from(self.window.as_micros()).unwrap_or(i64::MAX) / STEPS;
        let step = step.max(1);
        Timestamp::from_micros(at.as_micros().div_euclid(step).saturating_add(1) * step)
    }

    /// How many may pass within a window, when there were `base` managed and active accounts at its beginning.
    pub fn limit(&self, base: i64) -> i64 {
        let share = self
            .max_percent
            .map(|percent| (base.max(0) * i64::from(percent) / 100).max(1));
        let count = self.max_count.unwrap_or(COUNT_MAX).min(COUNT_MAX).into();
        share.map_or(count, |share| share.min(count))
    }
}

/// Refuses limits that say nothing, or nonsense.
pub(crate) fn check_limits(guard: &DeprovisionGuard) -> Result<(), Refusal> {
    let refuse = |field: &str, detail: &str| {
        Err(Refusal::new(Reason::InvalidRequest, detail)
            .field(format!("tenant.settings.deprovision_guard{field}")))
    };
    if guard.max_count.is_none() && guard.max_percent.is_none() {
        return refuse(
            "",
            "Say how many may pass: max_count, max_percent or both. Without deprovision_guard the guard is off.",
        );
    }
    let in_range = (WINDOW_MIN..=WINDOW_MAX).contains(&guard.window);
    if !in_range || guard.window.subsec_nanos() != 0 {
        return refuse(
            ".window",
            "The window can be 1 minute to 7 days long, in whole seconds.",
        );
    }
    if guard
        .max_count
        .is_some_and(|count| !(1..=COUNT_MAX).contains(&count))
    {
        return refuse(
            ".max_count",
            "Between 1 and 100000 can pass within a window.",
        );
    }
    if guard
        .max_percent
        .is_some_and(|percent| !(1..=100).contains(&percent))
    {
        return refuse(".max_percent", "A share is 1 to 100 percent.");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(max_count: Option<u32>, max_percent: Option<u32>) -> DeprovisionGuard {
        DeprovisionGuard {
            window: DeprovisionGuard::WINDOW_DEFAULT,
            max_count,
            max_percent,
        }
    }

    #[test]
    fn the_smaller_limit_holds() {
        for (count, percent, base, limit) in [
            (Some(50), None, 0, 50),
            (Some(50), Some(10), 2_500, 50),
            (Some(500), Some(10), 2_500, 250),
            (None, Some(10), 2_500, 250),
            (None, Some(1), 99, 1),
            (None, Some(1), 0, 1),
            (None, Some(100), 10_000_000, 100_000),
        ] {
            assert_eq!(
                guard(count, percent).limit(base),
                limit,
                "{count:?} {percent:?} of {base}"
            );
        }
    }

    #[test]
    fn what_passes_counts_until_the_end_of_its_step() {
        let hour = guard(Some(1), None);
        for (at, until) in [(0, 6), (1, 6), (5_999_999, 6), (6_000_000, 12), (-1, 0)] {
            let until = Timestamp::from_micros(until * 1_000_000);
            assert_eq!(
                hour.counted_until(Timestamp::from_micros(at)),
                until,
                "{at}"
            );
        }
        let week = DeprovisionGuard {
            window: WINDOW_MAX,
            ..hour
        };
        let at = Timestamp::from_micros(1_800_000_000_000_001);
        let longer = week.counted_until(at).as_micros() - at.as_micros();
        assert!((1..=1_008_000_000).contains(&longer), "{longer}");
    }

    #[test]
    fn limits_have_bounds() {
        for good in [
            guard(Some(1), None),
            guard(None, Some(100)),
            guard(Some(100_000), Some(1)),
        ] {
            assert_eq!(check_limits(&good), Ok(()));
        }
        let window = |window| DeprovisionGuard {
            window,
            ..guard(Some(1), None)
        };
        for bad in [
            guard(None, None),
            guard(Some(0), None),
            guard(Some(100_001), None),
            guard(None, Some(0)),
            guard(None, Some(101)),
            window(Duration::from_secs(59)),
            window(Duration::from_secs(7 * 86_400 + 1)),
            window(Duration::from_millis(90_500)),
        ] {
            let refusal = check_limits(&bad).expect_err("out of bounds");
            assert_eq!(refusal.reason, Reason::InvalidRequest, "{bad:?}");
        }
    }
}
