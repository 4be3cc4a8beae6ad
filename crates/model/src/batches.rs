//! How texts are divided into batches: by tokens, evenly, in order.

use std::ops::Range;

/// Cuts texts of these lengths into runs of at most `budget` tokens, as even as their number allows. A text longer than
/// the budget is a run by itself. Nothing is sorted: a packed batch has no padding that sorting could save.
pub(crate) fn split(lengths: &[usize], budget: usize) -> Vec<Range<usize>> {
    let mut left: usize = lengths.iter().sum();
    let mut ranges = Vec::new();
    let (mut first, mut tokens) = (0, 0);
    for (index, &length) in lengths.iter().enumerate() {
        // As many runs as the budget asks for, and the rest shared evenly among those still to come.
        let runs = left.div_ceil(budget).max(1);
        let share = left.div_ceil(runs);
        let overfull = tokens + length > budget;
        let nearer_without = tokens + length > share && tokens + length - share > share.saturating_sub(tokens);
        if index > first && (overfull || nearer_without) {
            ranges.push(first..index);
            left -= tokens;
            (first, tokens) = (index, 0);
        }
        tokens += length;
    }
    if first < lengths.len() {
        ranges.push(first..lengths.len());
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn every_text_is_in_one_run_within_the_budget() {
        for (lengths, budget) in [
            (vec![], 10),
            (vec![3], 10),
            (vec![30], 10),
            (vec![5; 100], 64),
            ((1..200).map(|index| index * 37 % 90 + 2).collect(), 256),
            (vec![2, 500, 2, 500, 2], 100),
        ] {
            let ranges = split(&lengths, budget);
            let joined: Vec<usize> = ranges.iter().cloned().flatten().collect();
            assert_eq!(joined, (0..lengths.len()).collect::<Vec<_>>());
            for range in ranges {
                let tokens: usize = lengths[range.clone()].iter().sum();
                assert!(tokens <= budget || range.len() == 1, "{range:?} of {lengths:?} has {tokens}");
            }
        }
    }

    #[test]
    fn work_is_even_where_texts_are_alike() {
        // 101 texts of 10 tokens in batches of at most 500: three batches, not two full ones and a rest of one text.
        let sizes: Vec<usize> = split(&[10; 101], 500).into_iter().map(|range| range.len()).collect();
        assert_eq!(sizes, [34, 34, 33]);
    }
}
