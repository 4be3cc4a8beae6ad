//! The configurations: texts of so many characters, so many at once, by so many clients.

/// How requests are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One after the other.
    Serial,
    /// By several clients at a time.
    Concurrent,
    /// One after the other and without a server: nothing that the sidecar's figures may be laid beside.
    InProcess,
}

impl Kind {
    /// As tables name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Serial => "serial",
            Self::Concurrent => "concurrent",
            Self::InProcess => "in-process",
        }
    }
}

/// One line of the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Configuration {
    pub kind: Kind,
    /// Characters of a text; 0 for texts of all lengths.
    pub characters: usize,
    /// Texts of a request.
    pub batch: usize,
    /// Clients.
    pub threads: usize,
    /// Requests of each client that count.
    pub iterations: usize,
}

impl Configuration {
    /// Characters of a text, as tables say it.
    pub fn said(&self) -> String {
        if self.characters == 0 { "mixed".to_owned() } else { self.characters.to_string() }
    }
}

const CHARACTERS: [usize; 5] = [500, 1000, 2000, 5000, 10_000];
const BATCHES: [usize; 6] = [1, 5, 10, 20, 32, 64];
/// Characters and texts of a request.
const CONCURRENT: [(usize, usize); 3] = [(1000, 32), (2000, 32), (5000, 16)];
const THREADS: usize = 5;
const ITERATIONS: usize = 10;

/// What of all is left in a hurry.
const QUICK_CHARACTERS: [usize; 2] = [500, 2000];
const QUICK_BATCHES: [usize; 3] = [1, 10, 32];
const QUICK_CONCURRENT: usize = 1000;
const QUICK_ITERATIONS: usize = 3;

/// The 45 configurations of the sidecar's benchmark: 30 of requests one after the other, 15 of up to five clients; those within these bounds.
pub fn grid(is_quick: bool, most_threads: usize, most_characters: usize) -> Vec<Configuration> {
    let iterations = if is_quick { QUICK_ITERATIONS } else { ITERATIONS };
    let is_taken = |characters: usize, quick: &[usize]| {
        characters <= most_characters && (!is_quick || quick.contains(&characters))
    };
    let mut all = Vec::new();
    for characters in CHARACTERS.into_iter().filter(|characters| is_taken(*characters, &QUICK_CHARACTERS)) {
        for batch in BATCHES.into_iter().filter(|batch| !is_quick || QUICK_BATCHES.contains(batch)) {
            all.push(Configuration { kind: Kind::Serial, characters, batch, threads: 1, iterations });
        }
    }
    for (characters, batch) in
        CONCURRENT.into_iter().filter(|(characters, _)| is_taken(*characters, &[QUICK_CONCURRENT]))
    {
        for threads in 1..=most_threads.min(THREADS) {
            all.push(Configuration { kind: Kind::Concurrent, characters, batch, threads, iterations });
        }
    }
    all
}

/// The same of texts of all lengths, in several languages, which the sidecar's benchmark did not have.
pub fn realistic(is_quick: bool, most_threads: usize) -> Vec<Configuration> {
    let iterations = if is_quick { QUICK_ITERATIONS } else { ITERATIONS };
    let serial = [1, 10, 32, 64].map(|batch| (Kind::Serial, batch, 1));
    let concurrent = (2..=most_threads.min(THREADS)).map(|threads| (Kind::Concurrent, 32, threads));
    let all = serial.into_iter().chain(concurrent);
    all.map(|(kind, batch, threads)| Configuration { kind, characters: 0, batch, threads, iterations }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_the_sidecars_benchmark_had() {
        let all = grid(false, 5, 10_000);
        let of = |kind| all.iter().filter(move |configuration| configuration.kind == kind).count();
        assert_eq!((of(Kind::Serial), of(Kind::Concurrent), all.len()), (30, 15, 45));
        assert!(all.iter().all(|configuration| configuration.iterations == 10));
    }

    #[test]
    fn bounds_leave_out_what_is_beyond() {
        let few = grid(false, 3, 2000);
        assert_eq!(few.len(), 3 * 6 + 2 * 3);
        assert!(few.iter().all(|it| it.threads <= 3 && it.characters <= 2000));
        assert_eq!(grid(true, 1, 10_000).len(), 2 * 3 + 1);
        assert_eq!(grid(true, 2, 1000).len(), 3 + 2);
        assert_eq!(realistic(false, 5).len(), 8);
    }
}
