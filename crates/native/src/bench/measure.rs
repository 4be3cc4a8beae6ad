//! Sends a configuration's requests and takes the time.

use std::thread;
use std::time::Instant;

use super::grid::Configuration;
use super::lorem::Source;
use super::row::Row;

/// What answers.
pub trait Target {
    /// Has these texts embedded, and makes sure that there is a vector of numbers for each.
    ///
    /// # Errors
    /// Where there is not.
    fn ask(&self, texts: &[String]) -> anyhow::Result<Answer>;

    /// Sends the requests of several clients; `done` is called after each.
    fn send(&self, clients: Vec<Requests>, done: &(dyn Fn() + Sync)) -> Vec<Sent> {
        clients.into_iter().flat_map(|requests| one_by_one(self, requests, done)).collect()
    }
}

/// The texts of each of a client's requests.
pub type Requests = Vec<Vec<String>>;

/// One client's requests, one after the other.
fn one_by_one<T: Target + ?Sized>(target: &T, requests: Requests, done: &(dyn Fn() + Sync)) -> Vec<Sent> {
    let timed = |texts: Vec<String>| {
        let started = Instant::now();
        let answer = target.ask(&texts);
        let milliseconds = 1e3 * started.elapsed().as_secs_f64();
        done();
        Sent { milliseconds, answer }
    };
    requests.into_iter().map(timed).collect()
}

/// All clients' requests at once, each client's one after the other.
pub fn at_once<T: Target + Sync>(target: &T, clients: Vec<Requests>, done: &(dyn Fn() + Sync)) -> Vec<Sent> {
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

/// Requests before those that count.
pub const WARM_UP: usize = 5;

/// One request: how long it took, and what came.
#[derive(Debug)]
pub struct Sent {
    milliseconds: f64,
    answer: anyhow::Result<Answer>,
}

/// Requests that a configuration takes, those of the warm-up too.
pub fn requests(configuration: &Configuration) -> u64 {
    (WARM_UP + configuration.threads * configuration.iterations) as u64
}

/// Warms up, then sends all clients' requests. `done` is called after each request, those of the warm-up too.
pub fn measure<T: Target>(
    target: &T,
    configuration: Configuration,
    source: &mut Source,
    done: &(dyn Fn() + Sync),
) -> Row {
    let Configuration { characters, batch, threads, iterations, .. } = configuration;
    for _ in 0..WARM_UP {
        // What goes wrong goes wrong again when it counts.
        let _ = target.ask(&source.texts(batch, characters));
        done();
    }
    // All texts are made before the clock starts.
    let mut client = |_| -> Requests { (0..iterations).map(|_| source.texts(batch, characters)).collect() };
    let clients: Vec<_> = (0..threads).map(&mut client).collect();
    let lengths = || clients.iter().flatten().flatten().map(|text| text.chars().count() as f64);
    let characters = lengths().sum::<f64>() / lengths().count().max(1) as f64;
    let started = Instant::now();
    let sent = target.send(clients, done);
    let wall = started.elapsed().as_secs_f64();
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
