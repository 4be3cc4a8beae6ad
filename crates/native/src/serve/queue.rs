//! Texts that wait for the engine, and which of them make its next batch.
//!
//! No clock, no thread: [`Queue`] is what the engine's thread and the requests' tasks hold a lock of.

use std::collections::VecDeque;

/// A request's number; later ones are larger.
pub type RequestId = u64;

/// A text that waits.
#[derive(Debug)]
struct Item<P> {
    tokens: usize,
    payload: P,
}

/// What is left of a request.
#[derive(Debug)]
struct Waiting<K, P> {
    id: RequestId,
    kind: K,
    items: VecDeque<Item<P>>,
}

/// Texts of one kind that are computed together.
#[derive(Debug)]
pub struct Batch<K, P> {
    /// What they have in common.
    pub kind: K,
    /// The texts, each with its request.
    pub texts: Vec<(RequestId, P)>,
    /// Their tokens.
    pub tokens: usize,
}

/// Texts that wait. `K` is what the texts of a batch must have in common, `P` a text.
///
/// Requests of which nothing was computed yet come first, in the order in which they came; of each a batch takes no more than an eighth of
/// its budget at a time, so that a request of few texts passes one of many. Requests that have begun take turns for the rest, of which a quarter is theirs
/// whatever else comes; so none waits for ever.
#[derive(Debug)]
pub struct Queue<K, P> {
    fresh: VecDeque<Waiting<K, P>>,
    begun: VecDeque<Waiting<K, P>>,
    /// Whose kind the next batch is of, where both wait.
    is_turn_of_begun: bool,
    next_id: RequestId,
    tokens: usize,
    texts: usize,
    most_tokens: usize,
}

/// The part of a batch that one request takes at a time.
const SHARE: usize = 8;

/// The part of a batch that is kept for requests that have begun.
const KEPT: usize = 4;

impl<K: Clone + PartialEq, P> Queue<K, P> {
    /// An empty queue that takes requests until it holds `most_tokens`.
    pub fn new(most_tokens: usize) -> Self {
        Self {
            fresh: VecDeque::new(),
            begun: VecDeque::new(),
            is_turn_of_begun: false,
            next_id: 0,
            tokens: 0,
            texts: 0,
            most_tokens,
        }
    }

    /// Tokens that may wait.
    pub fn most_tokens(&self) -> usize {
        self.most_tokens
    }

    /// Tokens that wait.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// Texts that wait.
    pub fn texts(&self) -> usize {
        self.texts
    }

    /// Takes a request's texts, with the tokens of each, whether it is full or not: who may come in is asked before they are tokenised.
    pub fn push(&mut self, kind: K, texts: impl IntoIterator<Item = (usize, P)>) -> RequestId {
        let id = self.next_id;
        self.next_id += 1;
        let items: VecDeque<_> = texts.into_iter().map(|(tokens, payload)| Item { tokens, payload }).collect();
        self.tokens += items.iter().map(|item| item.tokens).sum::<usize>();
        self.texts += items.len();
        if !items.is_empty() {
            self.fresh.push_back(Waiting { id, kind, items });
        }
        id
    }

    /// The next batch: texts of one kind with at most `budget` tokens, or one that has more by itself.
    pub fn next_batch(&mut self, budget: usize) -> Option<Batch<K, P>> {
        let lead = match (self.fresh.front(), self.begun.front()) {
            (Some(_), Some(begun)) if self.is_turn_of_begun => begun,
            (Some(fresh), _) => fresh,
            (None, begun) => begun?,
        };
        let mut batch = Batch { kind: lead.kind.clone(), texts: Vec::new(), tokens: 0 };
        self.is_turn_of_begun = !self.is_turn_of_begun;
        let share = budget / SHARE;
        let kept = if self.begun.iter().any(|it| it.kind == batch.kind) { budget / KEPT } else { 0 };
        // Those that begin now are among the begun ones afterwards, behind those that were.
        self.take_from_fresh(&mut batch, budget - kept, share);
        while self.take_from_begun(&mut batch, budget, share) {}
        self.take_from_fresh(&mut batch, budget, share);
        while self.take_from_begun(&mut batch, budget, share) {}
        self.tokens -= batch.tokens;
        self.texts -= batch.texts.len();
        Some(batch)
    }

    fn take_from_fresh(&mut self, batch: &mut Batch<K, P>, budget: usize, share: usize) {
        let mut place = 0;
        while place < self.fresh.len() {
            let request = &mut self.fresh[place];
            if request.kind != batch.kind || take(request, batch, budget, share) == 0 {
                // A batch that has no room for this one's next text may have some for another's; but who is first stays first.
                if request.kind == batch.kind {
                    break;
                }
                place += 1;
                continue;
            }
            let request = self.fresh.remove(place);
            self.begun.extend(request.filter(|request| !request.items.is_empty()));
        }
    }

    /// One round; whether anything was taken.
    fn take_from_begun(&mut self, batch: &mut Batch<K, P>, budget: usize, share: usize) -> bool {
        let mut taken = 0;
        for _ in 0..self.begun.len() {
            let Some(mut request) = self.begun.pop_front() else { break };
            let count = if request.kind == batch.kind { take(&mut request, batch, budget, share) } else { 0 };
            taken += count;
            if !request.items.is_empty() {
                self.begun.push_back(request);
            }
        }
        taken > 0
    }
}

/// Takes texts of a request while there is room: `share` tokens, but one text at least. Gives how many.
fn take<K, P>(request: &mut Waiting<K, P>, batch: &mut Batch<K, P>, budget: usize, share: usize) -> usize {
    let (mut count, mut tokens) = (0, 0);
    while let Some(item) = request.items.front() {
        let fits = batch.tokens + item.tokens <= budget || batch.texts.is_empty();
        let is_more = count > 0 && tokens + item.tokens > share;
        if !fits || is_more {
            break;
        }
        let Item { tokens: more, payload } = request.items.pop_front().expect("there is a front");
        batch.texts.push((request.id, payload));
        batch.tokens += more;
        tokens += more;
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, VecDeque};

    use proptest::prelude::*;

    use super::*;

    /// A request: its kind, and the tokens of its texts.
    type Request = (u8, Vec<usize>);

    #[derive(Debug, Clone)]
    enum Step {
        Push(Request),
        Batch(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let request = (0..3_u8, prop::collection::vec(1..300_usize, 1..40)).prop_map(Step::Push);
        let batch = (1..1000_usize).prop_map(Step::Batch);
        prop::collection::vec(prop_oneof![request, batch], 1..120)
    }

    proptest! {
        /// Every text is given once and in its request's order; a batch is of one kind and within its budget, or one text; the counts are right.
        #[test]
        fn nothing_is_lost_and_bounds_are_kept(steps in steps()) {
            let mut queue = Queue::new(usize::MAX);
            let mut left: HashMap<RequestId, (u8, VecDeque<(usize, usize)>)> = HashMap::new();
            let mut pushed = 0;
            let drain = std::iter::repeat_n(Step::Batch(500), 2000);
            for step in steps.into_iter().chain(drain) {
                match step {
                    Step::Push((kind, tokens)) => {
                        let numbered: Vec<_> = tokens.into_iter().map(|tokens| { pushed += 1; (tokens, pushed) }).collect();
                        let id = queue.push(kind, numbered.clone());
                        left.insert(id, (kind, numbered.into()));
                    }
                    Step::Batch(budget) => {
                        let Some(Batch { kind, texts, tokens }) = queue.next_batch(budget) else { continue };
                        prop_assert!(!texts.is_empty());
                        prop_assert!(tokens <= budget || texts.len() == 1);
                        let mut sum = 0;
                        for (id, number) in texts {
                            let (its, waiting) = left.get_mut(&id).expect("the request is known");
                            prop_assert_eq!(*its, kind);
                            let (tokens, expected) = waiting.pop_front().expect("there is one left");
                            prop_assert_eq!(number, expected);
                            sum += tokens;
                        }
                        prop_assert_eq!(sum, tokens);
                    }
                }
                let texts: usize = left.values().map(|(_, waiting)| waiting.len()).sum();
                let tokens: usize = left.values().flat_map(|(_, waiting)| waiting).map(|(tokens, _)| tokens).sum();
                prop_assert_eq!((queue.texts(), queue.tokens()), (texts, tokens));
            }
            prop_assert!(left.values().all(|(_, waiting)| waiting.is_empty()));
        }

        /// However many come after it, a request goes on: in every second batch at least one text of those that began is computed.
        #[test]
        fn nobody_starves(kinds in prop::collection::vec(0..3_u8, 1..200)) {
            let mut queue = Queue::new(usize::MAX);
            let bulk = queue.push(0, (0..50).map(|number| (100, number)));
            let mut begun = 0;
            for (round, kind) in kinds.iter().cycle().take(400).enumerate() {
                for _ in 0..10 {
                    queue.push(*kind, [(100, 0)]);
                }
                let batch = queue.next_batch(800).expect("there are some");
                begun += batch.texts.iter().filter(|(id, _)| *id == bulk).count();
                if begun == 50 {
                    return Ok(());
                }
                prop_assert!(round < 399, "{} of 50 after 400 batches", begun);
            }
        }
    }

    #[test]
    fn few_texts_pass_many() {
        let mut queue = Queue::new(usize::MAX);
        let bulk = queue.push((), (0..1000).map(|number| (100, number)));
        let first = queue.next_batch(800).expect("there are some");
        assert_eq!(first.texts.len(), 8, "alone it has all of a batch");
        let small = queue.push((), [(100, 0), (100, 1)]);
        let second = queue.next_batch(800).expect("there are some");
        let of = |id| second.texts.iter().filter(|(it, _)| *it == id).count();
        assert_eq!((of(small), of(bulk)), (2, 6));
    }

    #[test]
    fn a_text_that_is_too_long_for_a_batch_has_its_own() {
        let mut queue = Queue::new(10);
        queue.push((), [(1000, 'a'), (1, 'b')]);
        assert!(queue.tokens() > queue.most_tokens());
        let texts = |batch: Option<Batch<(), char>>| {
            batch.map(|batch| batch.texts.into_iter().map(|(_, it)| it).collect::<String>())
        };
        assert_eq!(texts(queue.next_batch(100)).as_deref(), Some("a"));
        assert!(queue.tokens() < queue.most_tokens());
        assert_eq!(texts(queue.next_batch(100)).as_deref(), Some("b"));
        assert_eq!(texts(queue.next_batch(100)), None);
    }
}
