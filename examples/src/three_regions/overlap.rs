//! How many intervals overlap at most: the one number that says whether a singleton was single.
//!
//! Pure, and of no opinion about where the intervals come from or which unit they are in.

/// The largest number of intervals `(from, to)` that contain one common instant.
///
/// An interval contains its beginning and not its end, so that one that begins where another ends does not overlap it.
/// An interval without length still contains its only instant: an instance with a single effect counts.
/// An interval that ends before it begins is taken as one without length.
pub fn max_concurrent(intervals: &[(u64, u64)]) -> u32 {
    // The maximum is always reached where an interval begins.
    let most = intervals.iter().map(|(instant, _)| {
        let there = |(from, to): &&(u64, u64)| from == instant || (from < instant && instant < to);
        intervals.iter().filter(there).count()
    });
    most.max()
        .map_or(0, |count| u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::max_concurrent;

    #[test]
    fn the_most_that_share_an_instant_are_counted() {
        type Row = (&'static str, &'static [(u64, u64)], u32);
        let table: &[Row] = &[
            ("nobody", &[], 0),
            ("one", &[(3, 9)], 1),
            ("one without length", &[(3, 3)], 1),
            ("one after the other", &[(0, 5), (7, 9)], 1),
            ("one where the other ends", &[(0, 5), (5, 9)], 1),
            ("an effect where the other ends", &[(0, 5), (5, 5)], 1),
            ("an effect within the other", &[(0, 5), (4, 4)], 2),
            ("an effect at the other's beginning", &[(2, 5), (2, 2)], 2),
            ("two effects at one instant", &[(2, 2), (2, 2)], 2),
            ("by a hair", &[(0, 6), (5, 9)], 2),
            ("one within the other", &[(0, 9), (2, 3)], 2),
            ("in any order", &[(5, 9), (0, 6)], 2),
            ("pairs that never meet all three", &[(0, 4), (3, 7), (6, 9)], 2),
            ("three", &[(0, 9), (1, 8), (2, 7), (9, 12)], 3),
            ("an end before the beginning", &[(5, 2), (3, 9)], 2),
            ("the whole of time", &[(0, u64::MAX), (u64::MAX - 1, u64::MAX)], 2),
        ];
        for (what, intervals, expected) in table {
            assert_eq!(max_concurrent(intervals), *expected, "{what}");
        }
    }
}
