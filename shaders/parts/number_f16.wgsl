// Arithmetic in f16. Needs the device feature `shader-f16`.
alias Number = f16;
