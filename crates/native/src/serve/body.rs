//! Requests' bodies: read whole, with a bound for all of them together.

use std::time::Duration;

use axum::extract::Request;
use axum::http::header;
use http_body_util::BodyExt as _;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::problem::Problem;

/// How long a body may take to arrive, and how long nothing of it may.
const PATIENCE: Duration = Duration::from_secs(30);
const SILENCE: Duration = Duration::from_secs(10);

/// The first bytes of a body need no room: one of few texts waits for no large one, and who sends nothing takes none. There are no more of them than
/// connections.
const SMALL: usize = 64 << 10;

/// How many of the largest bodies there may be at a time.
const LARGEST: usize = 4;

/// What room is counted in.
const UNIT: usize = 1024;

/// Room for bodies that are being read, or whose requests are being answered.
pub struct Bodies {
    /// Bytes of one.
    most: usize,
    room: Semaphore,
}

/// A body, and its room until its request is answered.
pub struct Body<'a> {
    bytes: Vec<u8>,
    _room: Option<SemaphorePermit<'a>>,
}

impl std::ops::Deref for Body<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Bodies {
    /// Room for four of the largest, which have `most` bytes.
    pub fn new(most: usize) -> Self {
        Self { most, room: Semaphore::new(LARGEST * units(most)) }
    }

    /// A request's body. One that is large waits, when its first bytes are there, until there is room, for as long as `deadline`.
    ///
    /// # Errors
    /// Where it is too large, slow or broken, or no room comes.
    pub async fn read(&self, request: Request, deadline: Duration) -> Result<Body<'_>, Problem> {
        let length =
            request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if length.is_some_and(|length: usize| length > self.most) {
            return Err(self.too_large());
        }
        let mut body = request.into_body();
        let (mut bytes, mut room) = (Vec::new(), None);
        let began = Instant::now();
        while let Some(frame) = {
            let patience = SILENCE.min(PATIENCE.saturating_sub(began.elapsed()));
            tokio::time::timeout(patience, body.frame()).await.map_err(|_| Problem::Slow(patience))?
        } {
            let Ok(data) = frame.map_err(|error| broken(&error))?.into_data() else { continue };
            if bytes.len() + data.len() > self.most {
                return Err(self.too_large());
            }
            if room.is_none() && bytes.len() + data.len() > SMALL {
                // One that does not say how long it is may be as long as any.
                let units = units(length.unwrap_or(self.most)) as u32;
                let taken = tokio::time::timeout(deadline, self.room.acquire_many(units)).await;
                room = Some(taken.map_err(|_| Problem::Late(deadline))?.expect("it is never closed"));
            }
            bytes.extend_from_slice(&data);
        }
        Ok(Body { bytes, _room: room })
    }

    fn too_large(&self) -> Problem {
        Problem::TooLarge(format!("expected a body of at most {} bytes", self.most))
    }
}

fn broken(error: &axum::Error) -> Problem {
    Problem::Invalid(format!("the body broke off: {error}"))
}

fn units(bytes: usize) -> usize {
    bytes.div_ceil(UNIT).clamp(1, Semaphore::MAX_PERMITS / LARGEST).min(u32::MAX as usize)
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use axum::body::{Body as Any, Bytes, HttpBody};
    use tokio::time::timeout;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A body of which nothing comes.
    struct Silent;

    impl HttpBody for Silent {
        type Data = Bytes;
        type Error = axum::Error;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, axum::Error>>> {
            Poll::Pending
        }
    }

    fn request(bytes: usize) -> Request {
        let body = Any::from(vec![b' '; bytes]);
        Request::post("/").header(header::CONTENT_LENGTH, bytes).body(body).expect("it is a request")
    }

    #[tokio::test(start_paused = true)]
    async fn large_ones_wait_their_turn_and_small_ones_do_not() {
        let bodies = Bodies::new(1 << 20);
        let mut held = Vec::new();
        for _ in 0..LARGEST {
            held.push(bodies.read(request(1 << 20), SECOND).await.map_err(|it| it.to_string()).expect("there is room"));
        }
        let small = bodies.read(request(SMALL), SECOND).await.map(|body| body.len());
        assert_eq!(small, Ok(SMALL));
        let late = bodies.read(request(SMALL + 1), SECOND).await.map(|body| body.len());
        assert_eq!(late, Err(Problem::Late(SECOND)));
        let mut waiting = Box::pin(bodies.read(request(1 << 20), 100 * SECOND));
        assert!(timeout(SECOND, &mut waiting).await.is_err(), "it waits");
        held.pop();
        assert_eq!(waiting.await.map(|body| body.len()), Ok(1 << 20));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_does_not_say_its_length_has_room_for_the_largest() {
        let bodies = Bodies::new(1 << 20);
        let unsaid = |bytes| Request::post("/").body(Any::from(vec![b' '; bytes])).expect("it is a request");
        let small = bodies.read(unsaid(7), SECOND).await.map_err(|it| it.to_string()).expect("it needs no room");
        assert_eq!((&*small, bodies.room.available_permits()), (&b"       "[..], LARGEST << 10));
        let large = bodies.read(unsaid(SMALL + 1), SECOND).await.map_err(|it| it.to_string()).expect("there is room");
        assert_eq!((large.len(), bodies.room.available_permits()), (SMALL + 1, (LARGEST - 1) << 10));
        let too_large = bodies.read(unsaid((1 << 20) + 1), SECOND).await.map(|body| body.len());
        assert!(matches!(too_large, Err(Problem::TooLarge(_))), "{too_large:?}");
    }

    /// Who says that much comes, and sends nothing, takes no room, and is not waited for.
    #[tokio::test(start_paused = true)]
    async fn silence_takes_no_room() {
        let bodies = Bodies::new(1 << 20);
        let silent = || {
            Request::post("/").header(header::CONTENT_LENGTH, 1 << 20).body(Any::new(Silent)).expect("it is a request")
        };
        let mut waiting = Vec::new();
        for _ in 0..2 * LARGEST {
            let mut reading = Box::pin(bodies.read(silent(), SECOND));
            assert!(timeout(Duration::from_millis(1), &mut reading).await.is_err(), "nothing came");
            waiting.push(reading);
        }
        assert_eq!(bodies.read(request(1 << 20), SECOND).await.map(|body| body.len()), Ok(1 << 20));
        for reading in waiting {
            assert_eq!(reading.await.map(|body| body.len()), Err(Problem::Slow(SILENCE)));
        }
    }
}
