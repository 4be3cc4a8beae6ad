// Matrices of 16 x 16 that a subgroup multiplies together: what NVIDIA has.
alias MatrixA = coop_mat16x16<f16, A>;
alias MatrixB = coop_mat16x16<f16, B>;
alias MatrixC = coop_mat16x16<f32, C>;
const MATRIX: u32 = 16u;
