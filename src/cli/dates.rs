//! Dates as people type them, and as they are shown.

use jiff::fmt::temporal::Pieces;
use jiff::{Span, Timestamp, ToSpan, Zoned, civil};

use crate::history::Time;

/// Reads an exact moment: RFC 3339, `1700000000`, or as git writes it `1700000000 +0800`.
pub(super) fn moment(text: &str) -> Option<Time> {
    let text = text.trim();
    if let Some((seconds, offset)) = text.split_once(' ')
        && let (Ok(seconds), Some(offset)) = (seconds.trim_start_matches('@').parse(), git_offset(offset.trim()))
    {
        return Some(Time { seconds, offset });
    }
    if let Ok(seconds) = text.trim_start_matches('@').parse::<i64>() {
        return Some(Time { seconds, offset: 0 });
    }
    let timestamp: Timestamp = text.parse().ok()?;
    let offset = Pieces::parse(text).ok()?.to_numeric_offset();
    Some(Time {
        seconds: timestamp.as_second(),
        offset: offset.map_or(0, jiff::tz::Offset::seconds),
    })
}

fn git_offset(text: &str) -> Option<i32> {
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let value: i32 = text.get(1..).filter(|digits| digits.len() == 4)?.parse().ok()?;
    Some(sign * (value / 100 * 3600 + value % 100 * 60))
}

/// Reads a date as `log --since` takes it, in the time zone of `now`: `2026-11-01`, `2026-11-01 14:00`,
/// `2 days ago`, `yesterday`, or a [`moment`]. Gives seconds since 1970.
pub(super) fn since(text: &str, now: &Zoned) -> Option<i64> {
    let text = text.trim();
    let seconds = |zoned: Zoned| zoned.timestamp().as_second();
    let is_year = text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit());
    if !is_year && let Some(time) = moment(text) {
        return Some(time.seconds);
    }
    let zone = now.time_zone();
    if let Ok(date) = text.parse::<civil::DateTime>() {
        return date.to_zoned(zone.clone()).ok().map(seconds);
    }
    let words = text.to_lowercase().replace(['.', '_'], " ");
    let words: Vec<&str> = words.split_whitespace().collect();
    match words.as_slice() {
        ["now"] => Some(seconds(now.clone())),
        ["today"] => now.start_of_day().ok().map(seconds),
        ["yesterday"] => now.yesterday().ok()?.start_of_day().ok().map(seconds),
        ["last", unit] => now.checked_sub(span(1, unit)?).ok().map(seconds),
        [count, unit, "ago"] | [count, unit] => {
            let count = match *count {
                "a" | "an" | "one" => 1,
                digits => digits.parse().ok()?,
            };
            now.checked_sub(span(count, unit)?).ok().map(seconds)
        }
        [year] if is_year => {
            let date = civil::Date::new(year.parse().ok()?, 1, 1).ok()?;
            date.to_zoned(zone.clone()).ok().map(seconds)
        }
        _ => None,
    }
}

fn span(count: i64, unit: &str) -> Option<Span> {
    let span = Span::new();
    let unit = unit.strip_suffix('s').unwrap_or(unit);
    match unit {
        "second" | "sec" => span.try_seconds(count).ok(),
        "minute" | "min" => span.try_minutes(count).ok(),
        "hour" => span.try_hours(count).ok(),
        "day" => span.try_days(count).ok(),
        "week" => span.try_weeks(count).ok(),
        "month" => span.try_months(count).ok(),
        "year" => span.try_years(count).ok(),
        "fortnight" => Some(14.days()),
        _ => None,
    }
}

/// As `git log` shows it: `Sun Nov 1 10:00:00 2026 +0800`.
pub(super) fn shown(time: Time) -> String {
    match time.to_zoned() {
        Some(zoned) => zoned.strftime("%a %b %-d %H:%M:%S %Y %z").to_string(),
        None => time.to_string(),
    }
}

/// The day and minute: `2026-11-01 10:00`.
pub(super) fn short(time: Time) -> String {
    match time.to_zoned() {
        Some(zoned) => zoned.strftime("%Y-%m-%d %H:%M").to_string(),
        None => time.to_string(),
    }
}

/// How long ago, as git says it: `3 days ago`. What lies in the future is shown as a date.
pub(super) fn ago(time: Time, now: Time) -> String {
    const UNITS: [(i64, i64, &str); 6] = [
        (90, 1, "second"),
        (90 * 60, 60, "minute"),
        (36 * 3600, 3600, "hour"),
        (14 * 86_400, 86_400, "day"),
        (70 * 86_400, 7 * 86_400, "week"),
        (730 * 86_400, 2_629_746, "month"),
    ];
    let age = now.seconds.saturating_sub(time.seconds);
    if age < 0 {
        return short(time);
    }
    let known = UNITS.into_iter().find(|(limit, ..)| age < *limit);
    let (_, length, unit) = known.unwrap_or((0, 31_556_952, "year"));
    let count = (age + length / 2) / length;
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural} ago")
}

/// RFC 3339: `2026-11-01T10:00:00+08:00`.
pub(super) fn rfc3339(time: Time) -> String {
    time.rfc3339()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_git_reads_them() {
        let now: Zoned = "2026-11-03T12:00:00+08:00[+08:00]".parse().unwrap();
        let day = 86_400;
        let at = now.timestamp().as_second();
        assert_eq!(since("2 days ago", &now), Some(at - 2 * day));
        assert_eq!(since("2.days.ago", &now), Some(at - 2 * day));
        assert_eq!(since("a week ago", &now), Some(at - 7 * day));
        assert_eq!(since("yesterday", &now), Some(at - day - day / 2));
        assert_eq!(since("2026-11-01", &now), Some(at - 2 * day - day / 2));
        assert_eq!(since("2026-11-03T04:00:00Z", &now), Some(at));
        assert_eq!(since("2026-11-03 12:00", &now), Some(at));
        assert_eq!(since("1700000000", &now), Some(1_700_000_000));
        assert_eq!(since("next moon", &now), None);
    }

    #[test]
    fn ages_read_as_in_git() {
        let at = |seconds| Time { seconds, offset: 0 };
        let now = at(1_793_527_200);
        let told = |age: i64| ago(at(now.seconds - age), now);
        let day = 86_400;
        let ages = [
            0,
            1,
            89,
            90,
            3600,
            2 * 3600,
            3 * day,
            15 * day,
            100 * day,
            3 * 365 * day,
        ]
        .map(told);
        assert_eq!(
            ages.join(", "),
            "0 seconds ago, 1 second ago, 89 seconds ago, 2 minutes ago, 60 minutes ago, 2 hours ago, 3 days ago, \
             2 weeks ago, 3 months ago, 3 years ago"
        );
        assert_eq!(told(-60), "2026-11-01 10:01");
    }

    #[test]
    fn moments_keep_their_offset() {
        let time = moment("2026-11-01T10:00:00+08:00").unwrap();
        assert_eq!(time.offset, 8 * 3600);
        assert_eq!(rfc3339(time), "2026-11-01T10:00:00+08:00");
        assert_eq!(shown(time), "Sun Nov 1 10:00:00 2026 +0800");
        assert_eq!(moment("1700000000 -0130").unwrap().offset, -5400);
        assert_eq!(moment("soon"), None);
    }
}
