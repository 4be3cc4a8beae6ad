//! Numbers for trying operations on a device: the same everywhere, and exact in every type that weights are held in.

use crate::{Error, Piece, Rows, Stored, int8};

/// `count` multiples of 1/128 from -1 to 1, of mixed sign and size.
pub fn noise(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
    let mut next = || {
        // Xorshift32 (Marsaglia 2003).
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 24) as f32 / 128.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// `count` values of 11 significant bits and eight sizes, exact in f16: another order of addition gives other bits, as it may not with [`noise`], whose
/// sums are exact.
pub fn uneven(count: usize, seed: u32) -> Vec<f32> {
    let (sizes, signs) = (noise(count, seed + 1000), noise(count, seed + 2000));
    let fine = noise(count, seed).into_iter().zip(signs).map(|(coarse, fine)| coarse + fine / 8.0);
    let size = |size: f32| 2.0_f32.powi(-((size + 1.0) * 4.0) as i32);
    fine.zip(sizes).map(|(value, sized)| value * size(sized)).collect()
}

/// A matrix of noise, all rows at once.
pub struct Noise {
    rows: usize,
    columns: usize,
    is_read: bool,
    bytes: Vec<u8>,
}

impl Noise {
    pub fn new(rows: usize, columns: usize, seed: u32) -> Self {
        Self::of(rows, columns, &noise(rows * columns, seed))
    }

    /// Of [`uneven`] values.
    pub fn uneven(rows: usize, columns: usize, seed: u32) -> Self {
        Self::of(rows, columns, &uneven(rows * columns, seed))
    }

    /// The rows that int8 holds in place of these, and holds exactly.
    ///
    /// # Panics
    /// Where rows are no multiple of [`crate::ALIGNMENT`] long.
    pub fn in_int8(self) -> Self {
        let mut values: Vec<f32> = bytemuck::pod_collect_to_vec(&self.bytes);
        let mut integers = vec![0; self.columns];
        for row in values.chunks_exact_mut(self.columns) {
            int8::rotate(row);
            let scale = int8::round(row, &mut integers);
            row.iter_mut().zip(&integers).for_each(|(value, &integer)| *value = f32::from(integer) * scale);
            int8::unrotate(row);
        }
        Self::of(self.rows, self.columns, &values)
    }

    fn of(rows: usize, columns: usize, values: &[f32]) -> Self {
        Self { rows, columns, is_read: false, bytes: bytemuck::pod_collect_to_vec(values) }
    }
}

impl Rows for Noise {
    type Error = Error;

    fn name(&self) -> &str {
        "noise"
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn columns(&self) -> usize {
        self.columns
    }

    fn stored(&self) -> Option<Stored> {
        Some(Stored::F32)
    }

    async fn next(&mut self) -> Result<Option<Piece<'_>>, Error> {
        let more = !std::mem::replace(&mut self.is_read, true);
        Ok(more.then_some(Piece { bytes: &self.bytes, stored: Stored::F32 }))
    }
}

#[cfg(test)]
mod tests {
    use half::f16;

    use super::uneven;

    #[test]
    fn f16_holds_uneven_values_and_their_sums_know_their_order() {
        for (depth, least) in [(192, 40), (3072, 60)] {
            let (x, w) = (uneven(64 * depth, 3), uneven(64 * depth, 1));
            assert!(x.iter().chain(&w).all(|&value| f16::from_f32(value).to_f32() == value));
            let dot = |row: usize, order: &mut dyn Iterator<Item = usize>| {
                order.fold(0.0_f32, |sum, k| x[row * depth + k].mul_add(w[row * depth + k], sum))
            };
            let differ = |row: &usize| dot(*row, &mut (0..depth)) != dot(*row, &mut (0..depth).rev());
            let count = (0..64).filter(differ).count();
            assert!(count >= least, "{count} of 64 sums of {depth} differ");
        }
    }
}
