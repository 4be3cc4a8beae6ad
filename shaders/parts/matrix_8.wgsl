// Matrices of 8 x 8 that a subgroup multiplies together: what Metal has.
alias MatrixA = coop_mat8x8<f16, A>;
alias MatrixB = coop_mat8x8<f16, B>;
alias MatrixC = coop_mat8x8<f32, C>;
const MATRIX: u32 = 8u;
