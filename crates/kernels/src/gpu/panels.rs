//! The order in which a matrix lies in device memory: that in which every linear kernel reads it, so that what neighbouring invocations read lies
//! together. Panels of 64 rows; in a panel by k, four at a time; of these, row by row.

/// Rows of a panel: what shaders index by.
pub const PANEL: usize = 64;

/// One panel, which is written over by the next.
#[derive(Debug)]
pub struct Panels {
    /// Of the panel at hand: quads of `QUAD` values.
    bytes: Vec<u8>,
    /// Those that it has.
    rows: usize,
    /// Bytes of one quad.
    quad: usize,
    /// Which one this is.
    index: u64,
}

/// Values of a quad.
const QUAD: usize = 4;

impl Panels {
    /// For rows of so many values, of so many bytes each.
    pub fn new(stride: usize, value_bytes: usize) -> Self {
        Self { bytes: vec![0; PANEL * stride * value_bytes], rows: 0, quad: QUAD * value_bytes, index: 0 }
    }

    /// Takes whole rows; every panel that is full goes to `write`, with the byte at which it begins.
    pub fn take(&mut self, rows: &[u8], mut write: impl FnMut(u64, &[u8])) {
        for row in rows.chunks_exact(self.bytes.len() / PANEL) {
            match self.quad {
                4 => scatter::<4>(row, &mut self.bytes, self.rows),
                8 => scatter::<8>(row, &mut self.bytes, self.rows),
                _ => scatter::<16>(row, &mut self.bytes, self.rows),
            }
            self.rows += 1;
            if self.rows == PANEL {
                self.flush(&mut write);
            }
        }
    }

    /// What is left of the last panel goes to `write`, zeros where there are no rows; then what follows all of them.
    pub fn finish(mut self, behind: &[u8], mut write: impl FnMut(u64, &[u8])) {
        if self.rows > 0 {
            self.flush(&mut write);
        }
        if !behind.is_empty() {
            write(self.index * self.bytes.len() as u64, behind);
        }
    }

    fn flush(&mut self, write: &mut impl FnMut(u64, &[u8])) {
        write(self.index * self.bytes.len() as u64, &self.bytes);
        self.bytes.fill(0);
        self.index += 1;
        self.rows = 0;
    }
}

/// A row's quads to their places in the panel.
fn scatter<const BYTES: usize>(row: &[u8], panel: &mut [u8], at: usize) {
    let (quads, _) = row.as_chunks::<BYTES>();
    let (places, _) = panel.as_chunks_mut::<BYTES>();
    for (quad, place) in quads.iter().zip(places[at..].iter_mut().step_by(PANEL)) {
        *place = *quad;
    }
}

#[cfg(test)]
mod tests {
    use super::{PANEL, Panels};

    /// Rows come in pieces that are no panels; each value is found where the shader looks for it.
    #[test]
    fn every_value_is_where_shaders_look() {
        let (rows, stride) = (2 * PANEL + 5, 8);
        let value = |row: usize, column: usize| (row * 100 + column) as u16 + 1;
        let all: Vec<u16> = (0..rows * stride).map(|at| value(at / stride, at % stride)).collect();
        let bytes: &[u8] = bytemuck::cast_slice(&all);
        let mut found = vec![u8::MAX; 3 * PANEL * stride * 2];
        let mut write = |at: u64, panel: &[u8]| found[at as usize..][..panel.len()].copy_from_slice(panel);
        let mut panels = Panels::new(stride, 2);
        for piece in bytes.chunks(7 * stride * 2) {
            panels.take(piece, &mut write);
        }
        panels.finish(&[], &mut write);
        let found: &[u16] = bytemuck::cast_slice(&found);
        for row in 0..3 * PANEL {
            for column in 0..stride {
                let quad = (row / PANEL * (stride / 4) + column / 4) * PANEL + row % PANEL;
                let expected = if row < rows { value(row, column) } else { 0 };
                assert_eq!(found[4 * quad + column % 4], expected, "row {row}, column {column}");
            }
        }
    }
}
