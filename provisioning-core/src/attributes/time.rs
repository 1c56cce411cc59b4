//! The only place for SCIM's `dateTime` (RFC 7643 section 2.3.5): read leniently, compared in one canonical form.

use jiff::{Timestamp, civil, tz::TimeZone};

/// A point in time in whole microseconds, which is what both storage engines keep; finer digits are cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DateTime(Timestamp);

/// No honest form is longer: date, time, nine digits and an offset.
const TEXT_BYTES_MAX: usize = 40;

impl DateTime {
    /// Reads an XML Schema `dateTime`. Without an offset it is UTC, without a time it is midnight. `None` before the year 0, whose
    /// canonical form would not sort.
    pub fn parse(text: &str) -> Option<Self> {
        // Brackets are an extension of RFC 9557 that SCIM does not know.
        if text.len() > TEXT_BYTES_MAX || text.contains('[') {
            return None;
        }
        let time = text.parse::<Timestamp>().ok().or_else(|| {
            let civil = text.parse::<civil::DateTime>().ok()?;
            Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
        })?;
        let micros = time.as_nanosecond().div_euclid(1000);
        Self::from_micros(i64::try_from(micros).ok()?)
    }

    /// From microseconds since 1970, UTC.
    pub fn from_micros(micros: i64) -> Option<Self> {
        let time = Timestamp::from_microsecond(micros).ok()?;
        (TimeZone::UTC.to_datetime(time).year() >= 0).then_some(Self(time))
    }

    /// Microseconds since 1970, UTC.
    pub fn micros(self) -> i64 {
        self.0.as_microsecond()
    }
}

/// The canonical form: UTC, of fixed width, so that the order of the bytes is the order of the times.
impl std::fmt::Display for DateTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let time = TimeZone::UTC.to_datetime(self.0);
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
            time.year(),
            time.month(),
            time.day(),
            time.hour(),
            time.minute(),
            time.second(),
            time.subsec_nanosecond() / 1000
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_honest_form_has_one_canonical_form() {
        for (text, canonical) in [
            (
                "2015-10-10T14:38:21.8617979-07:00",
                "2015-10-10T21:38:21.861797Z",
            ),
            (
                "0001-01-03T00:00:00.0000000Z",
                "0001-01-03T00:00:00.000000Z",
            ),
            ("2011-05-13T04:42:34Z", "2011-05-13T04:42:34.000000Z"),
            ("2011-05-13t04:42:34z", "2011-05-13T04:42:34.000000Z"),
            ("2011-05-13T04:42:34", "2011-05-13T04:42:34.000000Z"),
            ("2011-05-13", "2011-05-13T00:00:00.000000Z"),
        ] {
            assert_eq!(
                DateTime::parse(text)
                    .map(|time| time.to_string())
                    .as_deref(),
                Some(canonical),
                "{text}"
            );
        }
    }

    #[test]
    fn other_texts_are_no_times() {
        for text in [
            "",
            "now",
            "2011-13-01T00:00:00Z",
            "-000001-01-01T00:00:00Z",
            "2011-05-13T04:42:34Z[UTC]",
            &"1".repeat(1000),
        ] {
            assert_eq!(DateTime::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_order_of_the_bytes_is_the_order_of_the_times(a in -60_000_000_000_000_000_i64..250_000_000_000_000_000, b in any::<i32>()) {
            let (Some(one), Some(other)) = (DateTime::from_micros(a), DateTime::from_micros(a + i64::from(b))) else {
                return Err(TestCaseError::reject("outside of the calendar"));
            };
            prop_assert_eq!(one.to_string().cmp(&other.to_string()), one.cmp(&other));
            prop_assert_eq!(DateTime::parse(&one.to_string()), Some(one));
        }
    }
}
