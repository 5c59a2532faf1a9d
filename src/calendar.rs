//! The Gregorian calendar in UTC: a moment as seconds since 1970 and as year, month, day and time of day.
//!
//! Signatures and HTTP know the years up to 9999, and no leap seconds.

/// A moment as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Civil {
    pub year: u32,
    pub month: u32,
    pub day: u32,
    pub hour: u32,
    pub minute: u32,
    pub second: u32,
}

const DAY: u64 = 86_400;

/// Days from 0000-03-01 to 1970-01-01. A year that begins in March has its leap day at its end.
const EPOCH: u64 = 719_468;

/// Days of 400 years, after which the calendar repeats itself.
const ERA: u64 = 146_097;

/// The last second of the year 9999.
pub(crate) const LAST: u64 = 253_402_300_799;

impl Civil {
    /// Returns what a moment is; `None` after the year 9999.
    pub fn of(seconds: u64) -> Option<Self> {
        if seconds > LAST {
            return None;
        }
        let (days, time) = (seconds / DAY + EPOCH, (seconds % DAY) as u32);
        let (era, day_of_era) = (days / ERA, days % ERA);
        // Every 4th year has a day more, every 100th none, every 400th one.
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        // Five months from March on have 153 days.
        let march_month = (5 * day_of_year + 2) / 153;
        let day = (day_of_year - (153 * march_month + 2) / 5 + 1) as u32;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 } as u32;
        let year = (era * 400 + year_of_era) as u32 + u32::from(month <= 2);
        Some(Self { year, month, day, hour: time / 3600, minute: time / 60 % 60, second: time % 60 })
    }

    /// Returns the seconds since 1970; `None` for what is no moment, or before it.
    pub fn seconds(self) -> Option<u64> {
        let Self { year, month, day, hour, minute, second } = self;
        if year < 1970 || !(1..=12).contains(&month) {
            return None;
        }
        let march_year = u64::from(year) - u64::from(month <= 2);
        let march_month = u64::from(if month > 2 { month - 3 } else { month + 9 });
        let day_of_year = (153 * march_month + 2) / 5 + u64::from(day).checked_sub(1)?;
        let (era, year_of_era) = (march_year / 400, march_year % 400);
        let days = era * ERA + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - EPOCH;
        let seconds = days * DAY + u64::from(hour) * 3600 + u64::from(minute) * 60 + u64::from(second);
        // Hour 24, second 60, a day that its month does not have: each is another moment.
        (Self::of(seconds)? == self).then_some(seconds)
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;

    /// Against a calendar that others wrote: every day from 1970 to 9999, and what follows it.
    #[test]
    fn every_day_is_the_same_as_in_another_calendar() {
        for day in 0..=LAST / DAY {
            let seconds = day * DAY + day % DAY;
            let civil = Civil::of(seconds).expect("in range");
            let other = OffsetDateTime::from_unix_timestamp(seconds as i64).expect("in range");
            let date = (civil.year, civil.month, civil.day);
            assert_eq!(date, (other.year() as u32, u32::from(u8::from(other.month())), u32::from(other.day())));
            let clock = (civil.hour, civil.minute, civil.second);
            assert_eq!(clock, (other.hour().into(), other.minute().into(), other.second().into()));
            assert_eq!(civil.seconds(), Some(seconds));
            let next = Civil { day: civil.day + 1, ..civil };
            assert_eq!(
                next.seconds().is_some(),
                other.date().next_day().is_some_and(|day| day.month() == other.month())
            );
        }
        assert_eq!(Civil::of(LAST + 1), None);
    }

    #[test]
    fn what_is_no_moment_has_no_seconds() {
        let good = Civil { year: 2024, month: 2, day: 29, hour: 23, minute: 59, second: 59 };
        assert!(good.seconds().is_some());
        for bad in [
            Civil { year: 2023, ..good },
            Civil { year: 1969, ..good },
            Civil { year: 10_000, ..good },
            Civil { month: 0, ..good },
            Civil { month: 13, ..good },
            Civil { day: 0, ..good },
            Civil { day: 30, ..good },
            Civil { hour: 24, ..good },
            Civil { minute: 60, ..good },
            Civil { second: 60, ..good },
        ] {
            assert_eq!(bad.seconds(), None, "{bad:?}");
        }
    }
}
