//! Sockets: connections taken, slow ones ended, and all of them finished when the server ends.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt as _;

/// How long a request's headers may take to arrive.
const HEADERS: Duration = Duration::from_secs(10);

/// How long a client may read nothing of its answer.
const UNREAD: Duration = Duration::from_secs(30);

/// Bytes of a request's headers.
const HEADER_BYTES: usize = 64 << 10;

/// Connections at a time; more wait to be taken.
const CONNECTIONS: usize = 4096;

/// Where a server listens.
pub enum Listener {
    /// At an address.
    Tcp(TcpListener),
    /// At a path.
    #[cfg(unix)]
    Unix(tokio::net::UnixListener, PathBuf),
}

impl Listener {
    /// An address.
    ///
    /// # Errors
    /// Where it cannot be had.
    pub async fn tcp(address: SocketAddr) -> io::Result<Self> {
        TcpListener::bind(address).await.map(Self::Tcp)
    }

    /// A socket at `path`. One that an earlier server left, and that nobody answers at, is replaced.
    ///
    /// # Errors
    /// Where it cannot be made.
    #[cfg(unix)]
    pub fn unix(path: PathBuf) -> io::Result<Self> {
        if path.exists()
            && std::os::unix::net::UnixStream::connect(&path)
                .is_err_and(|it| it.kind() == io::ErrorKind::ConnectionRefused)
        {
            std::fs::remove_file(&path)?;
        }
        Ok(Self::Unix(tokio::net::UnixListener::bind(&path)?, path))
    }

    /// The address as clients write it.
    ///
    /// # Errors
    /// Where the system does not say it.
    pub fn url(&self) -> io::Result<String> {
        Ok(match self {
            Self::Tcp(listener) => format!("http://{}", listener.local_addr()?),
            #[cfg(unix)]
            Self::Unix(_, path) => format!("unix:{}", path.display()),
        })
    }

    /// Answers connections until `ending` is there, then those that are open, for as long as `patience`.
    pub async fn serve(self, router: Router, ending: impl Future<Output = ()>, patience: Duration) {
        let (graceful, room) = (GracefulShutdown::new(), Arc::new(Semaphore::new(CONNECTIONS)));
        let take = async |permit: tokio::sync::OwnedSemaphorePermit| match &self {
            Self::Tcp(listener) => {
                if let Some((stream, _)) = taken(listener.accept().await).await {
                    drop(stream.set_nodelay(true));
                    connect(stream, &router, &graceful, permit);
                }
            }
            #[cfg(unix)]
            Self::Unix(listener, _) => {
                if let Some((stream, _)) = taken(listener.accept().await).await {
                    connect(stream, &router, &graceful, permit);
                }
            }
        };
        tokio::pin!(ending);
        loop {
            let one = async { take(room.clone().acquire_owned().await.expect("it is never closed")).await };
            tokio::select! {
                () = one => {}
                () = &mut ending => break,
            }
        }
        #[cfg(unix)]
        if let Self::Unix(_, path) = &self {
            drop(std::fs::remove_file(path));
        }
        drop(self);
        drop(tokio::time::timeout(patience, graceful.shutdown()).await);
    }
}

/// A connection. One that failed before it was there is nobody's loss; where there are too many files, some time may help.
async fn taken<T>(accepted: io::Result<T>) -> Option<T> {
    match accepted {
        Ok(stream) => Some(stream),
        Err(error) => {
            tracing::warn!("a connection could not be taken: {error}");
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

fn connect(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: &Router,
    graceful: &GracefulShutdown,
    permit: tokio::sync::OwnedSemaphorePermit,
) {
    let service = router.clone().map_request(|request: Request<Incoming>| request.map(Body::new));
    // HTTP/1 alone, whose headers have their time from the first moment on: which of the two it is to be is waited for without end.
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS).max_buf_size(HEADER_BYTES);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(UNREAD));
    let connection =
        builder.serve_connection(TokioIo::new(Box::pin(stream)), TowerToHyperService::new(service)).into_owned();
    let watched = graceful.watch(connection);
    tokio::spawn(async move {
        // A client that breaks off says nothing that matters.
        if let Err(error) = watched.await {
            tracing::debug!("a connection ended: {error}");
        }
        drop(permit);
    });
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt as _, duplex};

    use super::*;

    /// A client that reads nothing of its answer has its connection for so long, and no longer; one that reads slowly keeps it.
    #[tokio::test(start_paused = true)]
    async fn an_answer_that_nobody_reads_ends() {
        let router = Router::new().route("/", axum::routing::get(|| async { vec![b'a'; 1 << 20] }));
        let (graceful, room) = (GracefulShutdown::new(), Arc::new(Semaphore::new(1)));
        for is_read in [false, true] {
            let (mut client, server) = duplex(4096);
            let permit = room.clone().acquire_owned().await.expect("it is never closed");
            connect(server, &router, &graceful, permit);
            client.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("it is taken");
            for _ in 0..6 {
                assert_eq!(room.available_permits(), 0);
                if is_read {
                    let mut some = [0; 1000];
                    tokio::io::AsyncReadExt::read_exact(&mut client, &mut some).await.expect("it answers");
                }
                tokio::time::sleep(UNREAD / 6 - Duration::from_millis(1)).await;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert_eq!(room.available_permits(), usize::from(!is_read), "read: {is_read}");
        }
    }
}
