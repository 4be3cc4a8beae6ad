//! Sends a configuration's requests and takes the time.

use std::thread;
use std::time::Instant;

use super::grid::Configuration;
use super::lorem::Source;
use super::row::Row;
use super::written::Extent;

/// What answers.
pub trait Target {
    /// Has these texts embedded, and makes sure that there is a vector of numbers for each.
    ///
    /// # Errors
    /// Where there is not.
    fn ask(&self, texts: &[String]) -> anyhow::Result<Answer>;

    /// What time it is: a test's target has a clock of its own.
    fn now(&self) -> Instant {
        Instant::now()
    }

    /// Sends the requests of several clients; `done` is called after each, with its characters.
    fn send(&self, clients: Vec<Requests>, done: &(dyn Fn(u64) + Sync)) -> Vec<Sent> {
        clients.into_iter().flat_map(|requests| one_by_one(self, requests, done)).collect()
    }
}

/// The texts of each of a client's requests.
pub type Requests = Vec<Vec<String>>;

/// One client's requests, one after the other.
fn one_by_one<T: Target + ?Sized>(target: &T, requests: Requests, done: &(dyn Fn(u64) + Sync)) -> Vec<Sent> {
    let timed = |texts: Vec<String>| {
        let characters = texts.iter().map(|text| text.chars().count() as u64).sum();
        let started = target.now();
        let answer = target.ask(&texts);
        let milliseconds = 1e3 * (target.now() - started).as_secs_f64();
        done(characters);
        Sent { milliseconds, answer }
    };
    requests.into_iter().map(timed).collect()
}

/// All clients' requests at once, each client's one after the other.
pub fn at_once<T: Target + Sync>(target: &T, clients: Vec<Requests>, done: &(dyn Fn(u64) + Sync)) -> Vec<Sent> {
    thread::scope(|scope| {
        let start = |requests| scope.spawn(move || one_by_one(target, requests, done));
        let started: Vec<_> = clients.into_iter().map(start).collect();
        started.into_iter().flat_map(|client| client.join().expect("a client does not panic")).collect()
    })
}

/// What was said beside the vectors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Answer {
    /// Tokens of all texts.
    pub tokens: Option<u64>,
    /// Texts that were cut.
    pub truncated: Option<u64>,
}

/// A client's requests before those that count.
pub const WARM_UP: usize = 5;

/// One request: how long it took, and what came.
#[derive(Debug)]
pub struct Sent {
    milliseconds: f64,
    answer: anyhow::Result<Answer>,
}

/// Characters that a configuration sends, those of the warm-up too; about so many where texts are of all lengths.
pub fn work(configuration: &Configuration) -> u64 {
    let Configuration { characters, batch, threads, iterations, .. } = *configuration;
    let characters = if characters == 0 { Extent::of_all().mean as usize } else { characters };
    ((WARM_UP + iterations) * threads * batch * characters) as u64
}

/// Warms up as many clients as there will be, then sends all clients' requests. `done` is called after each request, those of the warm-up too.
pub fn measure<T: Target>(
    target: &T,
    configuration: Configuration,
    source: &mut Source,
    done: &(dyn Fn(u64) + Sync),
) -> Row {
    let Configuration { characters, batch, threads, iterations, .. } = configuration;
    let mut clients = |requests: usize| -> Vec<Requests> {
        let mut client = || (0..requests).map(|_| source.texts(batch, characters)).collect();
        (0..threads).map(|_| client()).collect()
    };
    // What goes wrong goes wrong again when it counts.
    target.send(clients(WARM_UP), done);
    // All texts are made before the clock starts.
    let clients = clients(iterations);
    let lengths = || clients.iter().flatten().flatten().map(|text| text.chars().count() as f64);
    let characters = lengths().sum::<f64>() / lengths().count().max(1) as f64;
    let started = target.now();
    let sent = target.send(clients, done);
    let wall = (target.now() - started).as_secs_f64();
    Row { characters, ..summed(configuration, sent, wall) }
}

/// The row of these requests.
fn summed(configuration: Configuration, sent: Vec<Sent>, wall: f64) -> Row {
    let count = sent.len();
    let mut latencies = Vec::new();
    let (mut tokens, mut truncated) = (Some(0), Some(0));
    let mut failure = None;
    for Sent { milliseconds, answer } in sent {
        match answer {
            Ok(answer) => {
                latencies.push(milliseconds);
                tokens = tokens.zip(answer.tokens).map(|(sum, more)| sum + more);
                truncated = truncated.zip(answer.truncated).map(|(sum, more)| sum + more);
            }
            Err(error) => failure = failure.or(Some(format!("{error:#}"))),
        }
    }
    let texts = (latencies.len() * configuration.batch) as f64;
    let of_a_text = |sum: Option<u64>| sum.filter(|_| texts > 0.0).map(|sum| sum as f64 / texts);
    let mut row = Row::new(configuration, latencies, count, wall);
    row.tokens = of_a_text(tokens);
    row.truncated = of_a_text(truncated);
    row.failure = failure;
    row
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    use std::sync::{Condvar, Mutex};
    use std::time::Duration;

    use anyhow::ensure;

    use super::super::grid::Kind;
    use super::*;

    /// Answers when so many requests wait for it at once.
    #[derive(Default)]
    struct Stub {
        at_once: usize,
        arrived: Mutex<usize>,
        all_there: Condvar,
        is_alone: AtomicBool,
    }

    impl Target for Stub {
        fn send(&self, clients: Vec<Requests>, done: &(dyn Fn(u64) + Sync)) -> Vec<Sent> {
            at_once(self, clients, done)
        }

        fn ask(&self, _: &[String]) -> anyhow::Result<Answer> {
            let mut arrived = self.arrived.lock().expect("nobody panics");
            *arrived += 1;
            let wanted = arrived.next_multiple_of(self.at_once.max(1));
            self.all_there.notify_all();
            let is_waiting = |arrived: &mut usize| *arrived < wanted && !self.is_alone.load(Ordering::Relaxed);
            let wait = self.all_there.wait_timeout_while(arrived, Duration::from_secs(10), is_waiting);
            self.is_alone.fetch_or(wait.expect("nobody panics").1.timed_out(), Ordering::Relaxed);
            ensure!(!self.is_alone.load(Ordering::Relaxed), "the others did not come");
            Ok(Answer::default())
        }
    }

    fn configuration(kind: Kind, threads: usize) -> Configuration {
        Configuration { kind, characters: 50, batch: 4, threads, iterations: 10 }
    }

    #[test]
    fn several_clients_ask_at_once() {
        for threads in 1..=5 {
            let stub = Stub { at_once: threads, ..Stub::default() };
            let row = measure(&stub, configuration(Kind::Concurrent, threads), &mut Source::new(1), &|_| ());
            assert_eq!((row.failure, row.requests), (None, 10 * threads));
            assert_eq!(*stub.arrived.lock().expect("nobody panics"), (WARM_UP + 10) * threads, "each client warms up");
        }
    }

    /// Answers a client at a time, each request after 40 ms more than the one before, by a clock that nothing else moves.
    struct Clocked {
        started: Instant,
        passed: Mutex<Duration>,
        requests: AtomicU64,
    }

    impl Target for Clocked {
        fn ask(&self, _: &[String]) -> anyhow::Result<Answer> {
            let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
            *self.passed.lock().expect("nobody panics") += Duration::from_millis(40 * number);
            Ok(Answer::default())
        }

        fn now(&self) -> Instant {
            self.started + *self.passed.lock().expect("nobody panics")
        }
    }

    #[test]
    fn figures_are_the_clocks() {
        for kind in [Kind::Serial, Kind::Concurrent] {
            let target = Clocked { started: Instant::now(), passed: Mutex::default(), requests: AtomicU64::new(0) };
            let row = measure(&target, configuration(kind, 1), &mut Source::new(1), &|_| ());
            // Requests 6 to 15 count.
            let milliseconds = 40.0 * (6..=15).sum::<u64>() as f64;
            let close = |found: f64, expected: f64| {
                assert!((found / expected - 1.0).abs() < 1e-9, "{found}, expected {expected}");
            };
            close(10.0 * row.average(), milliseconds);
            close(1e3 * row.wall, milliseconds);
            close(row.texts_per_second(), 1e3 * 40.0 / milliseconds);
            assert_eq!((row.least(), row.most()), (240.0, 600.0));
        }
    }

    #[test]
    fn progress_is_by_characters() {
        let (small, sum) = (configuration(Kind::Concurrent, 3), AtomicU64::new(0));
        let add = |characters| {
            sum.fetch_add(characters, Ordering::Relaxed);
        };
        measure(&Stub::default(), small, &mut Source::new(1), &add);
        assert_eq!((sum.into_inner(), work(&small)), (15 * 3 * 4 * 50, 15 * 3 * 4 * 50));
        let long = Configuration { characters: 5000, ..small };
        assert_eq!(work(&long), 100 * work(&small));
        let mixed = Configuration { characters: 0, ..small };
        assert!(work(&mixed) > 10 * 15 * 3 * 4, "{}", work(&mixed));
    }
}
