// Layer norm of one row held in `output`, by one workgroup (Ba et al. 2016, arXiv 1607.06450, equation 3):
// y = (x - mean) / sqrt(variance + eps) * gain + bias. Two passes: the variance is taken about the mean, never as a difference of squares.

/// Each invocation reads back only what it wrote itself (columns thread, thread + THREADS, ...), so no barrier is needed for that.
fn layer_normalise(start: u32, width: u32, epsilon: f32, thread: u32) {
    var sum = 0.0;
    for (var column = thread; column < width; column += THREADS) {
        sum += output[start + column];
    }
    let mean = workgroup_sum(sum, thread) / f32(width);
    var squares = 0.0;
    for (var column = thread; column < width; column += THREADS) {
        let centred = output[start + column] - mean;
        squares = fma(centred, centred, squares);
    }
    let variance = workgroup_sum(squares, thread) / f32(width);
    // One over an infinite deviation is zero, which would leave the bias alone.
    let scale = select(inverseSqrt(variance + epsilon), variance, is_spoilt(variance));
    for (var column = thread; column < width; column += THREADS) {
        output[start + column] = fma((output[start + column] - mean) * scale, gain[column], bias[column]);
    }
}
