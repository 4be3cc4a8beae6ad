//! MPNet's relative-position buckets.

/// Distances from here on share the outermost bucket.
pub const MAX_DISTANCE: usize = 128;

/// How many buckets MPNet's code counts, whatever config.json says.
pub const BUCKETS: usize = 32;

/// The bucket of `key - query`, of `buckets` in all: half of them for each direction; of those, half hold one distance
/// each and half grow with the logarithm up to [`MAX_DISTANCE`]. T5, arXiv 1910.10683, section 2.1, in MPNet's form: computed in f32, as there.
pub fn bucket(distance: i64, buckets: usize) -> usize {
    let each_way = buckets / 2;
    // MPNet counts query - key: what lies ahead is negative there and takes the upper half.
    let ahead = if distance > 0 { each_way } else { 0 };
    let exact = each_way / 2;
    let magnitude = distance.unsigned_abs() as usize;
    if magnitude < exact {
        return ahead + magnitude;
    }
    let growth = (magnitude as f32 / exact as f32).ln() / ((MAX_DISTANCE as f64 / exact as f64).ln() as f32);
    let logarithmic = exact + (growth * (each_way - exact) as f32) as usize;
    ahead + logarithmic.min(each_way - 1)
}

/// One row of 2 [`MAX_DISTANCE`] + 1 values a head, for distances -[`MAX_DISTANCE`] ..= [`MAX_DISTANCE`], from the checkpoint's (buckets, heads).
pub fn table(by_bucket: &[f32], buckets: usize, heads: usize) -> Vec<f32> {
    let reach = MAX_DISTANCE as i64;
    let of_head = |head| (-reach..=reach).map(move |distance| by_bucket[bucket(distance, buckets) * heads + head]);
    (0..heads).flat_map(of_head).collect()
}
