//! Requests' bodies: read whole, with a bound for all of them together.

use std::time::Duration;

use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use axum::http::header;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::problem::Problem;

/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// Bodies of at most so many bytes need no room: those of few texts wait for no large one. There are no more of them than connections.
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
    bytes: Bytes,
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

    /// A request's body. One that is large waits until there is room, for as long as `deadline`.
    ///
    /// # Errors
    /// Where it is too large, slow or broken, or no room comes.
    pub async fn read(&self, request: Request, deadline: Duration) -> Result<Body<'_>, Problem> {
        let length =
            request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        // One that does not say how long it is may be as long as any.
        let length = length.unwrap_or(self.most);
        if length > self.most {
            return Err(self.too_large());
        }
        let _room = if length > SMALL {
            let room = self.room.acquire_many(units(length) as u32);
            let room = tokio::time::timeout(deadline, room).await.map_err(|_| Problem::Late(deadline))?;
            Some(room.expect("it is never closed"))
        } else {
            None
        };
        let read = tokio::time::timeout(PATIENCE, to_bytes(request.into_body(), length));
        let bytes = read.await.map_err(|_| Problem::Slow(PATIENCE))?.map_err(|error| self.broken(&error))?;
        Ok(Body { bytes, _room })
    }

    fn too_large(&self) -> Problem {
        Problem::TooLarge(format!("expected a body of at most {} bytes", self.most))
    }

    fn broken(&self, error: &axum::Error) -> Problem {
        // What the limit says lies below a layer or two.
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(error) = cause {
            if error.is::<http_body_util::LengthLimitError>() {
                return self.too_large();
            }
            cause = error.source();
        }
        Problem::Invalid(format!("the body broke off: {error}"))
    }
}

fn units(bytes: usize) -> usize {
    bytes.div_ceil(UNIT).clamp(1, Semaphore::MAX_PERMITS / LARGEST).min(u32::MAX as usize)
}

#[cfg(test)]
mod tests {
    use axum::body::Body as Any;
    use tokio::time::timeout;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

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
        let _held = bodies.read(request(3 << 20 >> 1), SECOND).await.map(|body| body.len());
        let first = bodies.read(unsaid(7), SECOND).await.map_err(|it| it.to_string()).expect("there is room");
        assert_eq!(&*first, b"       ");
        assert_eq!(bodies.room.available_permits(), (LARGEST - 1) << 10);
        let too_large = bodies.read(unsaid((1 << 20) + 1), SECOND).await.map(|body| body.len());
        assert!(matches!(too_large, Err(Problem::TooLarge(_))), "{too_large:?}");
    }
}
