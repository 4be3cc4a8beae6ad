// Arithmetic in f32.
alias Number = f32;
