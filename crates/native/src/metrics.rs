//! Measures of how well vectors do: correlations for sentence pairs, ranks for translations and for retrieval.

use std::cmp::Ordering;

/// Pearson's correlation: sum (x - mean x)(y - mean y) / (n s_x s_y), from -1 to 1; NaN where either is constant.
pub fn pearson(x: &[f64], y: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (mean_x, mean_y) = (mean(x), mean(y));
    let deviations = x.iter().zip(y).map(|(x, y)| (x - mean_x, y - mean_y));
    let sums = deviations.fold((0.0, 0.0, 0.0), |(xy, xx, yy), (x, y)| (xy + x * y, xx + x * x, yy + y * y));
    sums.0 / (sums.1 * sums.2).sqrt()
}

/// Spearman's correlation: Pearson's of the ranks, where equal values share the mean of theirs.
pub fn spearman(x: &[f64], y: &[f64]) -> f64 {
    pearson(&ranks(x), &ranks(y))
}

/// Each value's place from 1 in ascending order; equal values share the mean of their places.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&left, &right| values[left].total_cmp(&values[right]));
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    for alike in order.chunk_by(|&left, &right| values[left] == values[right]) {
        let rank = first as f64 + (alike.len() as f64 + 1.0) / 2.0;
        alike.iter().for_each(|&index| ranks[index] = rank);
        first += alike.len();
    }
    ranks
}

/// Normalised discounted cumulative gain of a ranking cut at its length: sum over rank i from 1 of gain_i / log2(i + 1), over that of
/// the best order of `judged`, all gains there are, cut at `most`.
pub fn ndcg(gains: &[f64], judged: &[f64], most: usize) -> f64 {
    let discounted = |gains: &[f64]| -> f64 {
        gains.iter().take(most).zip(2..).map(|(gain, place)| gain / f64::from(place).log2()).sum()
    };
    let mut best = judged.to_vec();
    best.sort_by(|left, right| right.total_cmp(left));
    discounted(gains) / discounted(&best)
}

/// The rows of `candidates` nearest to `query` by their scores, the best first, at most `count`; of equal ones the earlier.
pub fn nearest(
    query: &[f32],
    candidates: &[Vec<f32>],
    count: usize,
    score: impl Fn(&[f32], &[f32]) -> f64,
) -> Vec<usize> {
    let mut scores: Vec<(f64, usize)> =
        candidates.iter().enumerate().map(|(index, candidate)| (score(query, candidate), index)).collect();
    let order = |left: &(f64, usize), right: &(f64, usize)| -> Ordering {
        right.0.total_cmp(&left.0).then(left.1.cmp(&right.1))
    };
    if count < scores.len() {
        scores.select_nth_unstable_by(count, order);
        scores.truncate(count);
    }
    scores.sort_unstable_by(order);
    scores.into_iter().map(|(_, index)| index).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values by scipy 1.17's `pearsonr` and `spearmanr`.
    #[test]
    fn correlations_are_scipys() {
        let (x, y) = ([0.1, 0.5, 0.5, 0.9, 0.3, -0.2], [1.0, 2.5, 4.0, 5.0, 2.5, 0.0]);
        assert!((pearson(&x, &y) - PEARSON).abs() < 1e-12, "{}", pearson(&x, &y));
        assert!((spearman(&x, &y) - SPEARMAN).abs() < 1e-12, "{}", spearman(&x, &y));
        assert_eq!(spearman(&[1.0, 2.0, 3.0], &[10.0, 1e9, 1e300]), 1.0);
        assert!(pearson(&[1.0, 1.0], &[1.0, 2.0]).is_nan());
    }

    const PEARSON: f64 = 0.9608759544047237;
    const SPEARMAN: f64 = 0.9558823529411764;

    /// Values by scikit-learn 1.9's `ndcg_score`, which takes gains as they are.
    #[test]
    fn gains_are_discounted() {
        assert_eq!(ndcg(&[1.0, 0.0], &[1.0], 10), 1.0);
        assert_eq!(ndcg(&[0.0, 1.0], &[1.0], 1), 0.0);
        let found = ndcg(&[0.0, 2.0, 1.0, 1.0], &[1.0, 2.0, 1.0], 10);
        assert!((found - 0.7002827395649096).abs() < 1e-15, "{found}");
    }

    #[test]
    fn the_nearest_come_first_and_of_equal_ones_the_earlier() {
        let candidates = [3.0, 1.0, 2.0, 3.0, 0.0].map(|value: f32| vec![value]);
        let score = |query: &[f32], candidate: &[f32]| f64::from(query[0] * candidate[0]);
        assert_eq!(nearest(&[1.0], &candidates, 3, score), [0, 3, 2]);
        assert_eq!(nearest(&[-1.0], &candidates, 9, score), [4, 1, 2, 0, 3]);
        assert_eq!(nearest(&[1.0], &[], 3, score), [0usize; 0]);
    }
}
