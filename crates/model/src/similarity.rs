//! How near two vectors are to each other.

/// A measure of nearness, as sentence-transformers names it; the larger, the nearer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Similarity {
    /// x . y / (|x| |y|).
    #[default]
    Cosine,
    /// x . y.
    Dot,
    /// -|x - y|.
    Euclidean,
    /// -sum |x_i - y_i|.
    Manhattan,
}

impl Similarity {
    /// Every measure.
    pub const ALL: [Self; 4] = [Self::Cosine, Self::Dot, Self::Euclidean, Self::Manhattan];

    /// Its name, as sentence-transformers writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cosine => "cosine",
            Self::Dot => "dot",
            Self::Euclidean => "euclidean",
            Self::Manhattan => "manhattan",
        }
    }

    /// Of two vectors of one width, in f64. The cosine of a vector with itself is 1, exactly.
    pub fn of(self, x: &[f32], y: &[f32]) -> f64 {
        match self {
            Self::Cosine => dot(x, y) / (dot(x, x) * dot(y, y)).sqrt(),
            Self::Dot => dot(x, y),
            Self::Euclidean => -differences(x, y).map(|difference| difference * difference).sum::<f64>().sqrt(),
            Self::Manhattan => -differences(x, y).map(f64::abs).sum::<f64>(),
        }
    }
}

fn dot(x: &[f32], y: &[f32]) -> f64 {
    x.iter().zip(y).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum()
}

fn differences(x: &[f32], y: &[f32]) -> impl Iterator<Item = f64> {
    x.iter().zip(y).map(|(&x, &y)| f64::from(x) - f64::from(y))
}

#[cfg(test)]
mod tests {
    use super::Similarity;

    #[test]
    fn nearer_is_larger() {
        let (x, near, far) = ([3.0, 4.0], [3.0, 3.0], [-4.0, 3.0]);
        assert_eq!(Similarity::Cosine.of(&x, &x), 1.0);
        assert_eq!(Similarity::Cosine.of(&x, &far), 0.0);
        assert_eq!(Similarity::Dot.of(&x, &near), 21.0);
        assert_eq!(Similarity::Euclidean.of(&x, &near), -1.0);
        assert_eq!(Similarity::Manhattan.of(&x, &far), -8.0);
        for measure in Similarity::ALL {
            assert!(measure.of(&x, &near) > measure.of(&x, &far), "{measure:?}");
        }
    }
}
