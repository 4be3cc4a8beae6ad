//! Requests to the hub: who asks, where a redirect leads, what is tried again.

use std::thread;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ureq::http::{HeaderMap, Method, Request, Response, StatusCode, header};
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};
use ureq::{Agent, Body, Error as Failure};

use super::error::Kind;
use super::{Error, Event, Observer, Settings};

/// Tries of one request, or of one file without a further byte.
pub(super) const TRIES: u32 = 5;

/// The longest wait that a server may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

const REDIRECTS: usize = 10;

/// Bytes of a list or of an error message at most.
const LONGEST_ANSWER: u64 = 64 << 20;

/// What stays as it is in a part of an address.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Asks the hub.
pub(super) struct Client<'a> {
    agent: Agent,
    settings: &'a Settings,
    bearer: Option<header::HeaderValue>,
    observe: Observer<'a>,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    /// What the hub itself says of a file, without following it to where its bytes lie.
    Head,
    /// All of it.
    Whole,
    /// From this byte on.
    From(u64),
}

/// An answer, and what the hub's own part of the way to it said.
pub(super) struct Answer {
    pub(super) response: Response<Body>,
    pub(super) hub: HeaderMap,
    /// Who answers, where that is not the hub.
    elsewhere: Option<String>,
}

impl<'a> Client<'a> {
    pub(super) fn new(settings: &'a Settings, observe: Observer<'a>) -> Result<Self, Error> {
        let bearer = settings.token.as_ref().map(|token| {
            let mut value = header::HeaderValue::from_str(&token.bearer()).map_err(|_| Kind::Token)?;
            value.set_sensitive(true);
            Ok::<_, Error>(value)
        });
        // The system's own TLS where it has one that needs no C; everywhere its roots, a company's among them.
        let system = cfg!(any(target_vendor = "apple", windows));
        let provider = if system { TlsProvider::NativeTls } else { TlsProvider::Rustls };
        let tls = TlsConfig::builder().provider(provider).root_certs(RootCerts::PlatformVerifier).build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .user_agent(concat!("wembed/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity")
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(settings.silence))
            .timeout_recv_response(Some(settings.silence))
            .timeout_per_read(Some(settings.silence));
        Ok(Self { agent: config.build().new_agent(), settings, bearer: bearer.transpose()?, observe })
    }

    /// The address of `parts` under the hub's.
    pub(super) fn url(&self, parts: &[&str]) -> String {
        parts
            .iter()
            .fold(self.settings.endpoint.clone(), |url, part| format!("{url}/{}", utf8_percent_encode(part, PLAIN)))
    }

    /// Who asks, for hints.
    pub(super) fn has_token(&self) -> bool {
        self.bearer.is_some()
    }

    /// Waits after so many tries that gave nothing.
    pub(super) fn pause(&self, tries: u32) {
        thread::sleep(self.settings.patience * 2_u32.pow(tries.saturating_sub(1)));
    }

    /// Asks, and asks again where the server is busy or the connection failed. What comes is a success, or says that
    /// the range lies behind the end (416).
    pub(super) fn ask(&self, url: &str, ask: Ask) -> Result<Answer, Error> {
        let mut tries = 1;
        loop {
            let (reason, wait) = match self.follow(url, ask) {
                Ok(answer) => match self.judge(url, answer)? {
                    Ok(answer) => return Ok(answer),
                    Err(busy) => busy,
                },
                Err(Failed::For(error)) => return Err(error),
                Err(Failed::Now(reason)) => (reason, None),
            };
            if tries == TRIES {
                return Err(Kind::Network { url: url.to_owned(), reason: format!("{reason}, {tries} times") }.into());
            }
            match wait {
                Some(wait) => {
                    let seconds = wait.as_secs();
                    (self.observe)(Event::Note(format!(
                        "{url}: {reason} and asks for a wait of {seconds} s, which it gets"
                    )));
                    thread::sleep(wait);
                }
                None => {
                    (self.observe)(Event::Note(format!("{url}: {reason}: trying again")));
                    self.pause(tries);
                }
            }
            tries += 1;
        }
    }

    /// An answer that is one, or why to ask again and when; an error where asking again is of no use.
    fn judge(&self, url: &str, mut answer: Answer) -> Result<Result<Answer, (String, Option<Duration>)>, Error> {
        let status = answer.response.status();
        if status.is_success() || status == StatusCode::RANGE_NOT_SATISFIABLE {
            return Ok(Ok(answer));
        }
        let message = said(&mut answer);
        if !matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504) {
            let (url, elsewhere) = (url.to_owned(), answer.elsewhere);
            return Err(Kind::Status { url, elsewhere, status: status.as_u16(), message }.into());
        }
        let seconds = text(answer.response.headers(), "retry-after").and_then(|value| value.trim().parse().ok());
        let wait = seconds.map(Duration::from_secs);
        match wait.filter(|&wait| wait > LONGEST_WAIT) {
            Some(wait) => Err(Kind::Wait { url: url.to_owned(), wait }.into()),
            None => Ok(Err((format!("the server answers {}{message}", status.as_u16()), wait))),
        }
    }

    /// One try, along redirects. The token goes to the hub's own address only.
    fn follow(&self, url: &str, ask: Ask) -> Result<Answer, Failed> {
        let mut hub = HeaderMap::new();
        let mut at = url.to_owned();
        for _ in 0..REDIRECTS {
            let home = origin(&at) == origin(&self.settings.endpoint);
            let method = if ask == Ask::Head { Method::HEAD } else { Method::GET };
            let mut request = Request::builder().method(method).uri(&at);
            if let Some(bearer) = self.bearer.as_ref().filter(|_| home) {
                request = request.header(header::AUTHORIZATION, bearer);
            }
            if let Ask::From(first) = ask {
                request = request.header(header::RANGE, format!("bytes={first}-"));
            }
            // A redirect's target may hold a signature that opens the file: of it only the server is named.
            let explained = |reason: String| {
                if home {
                    reason
                } else {
                    format!("{}, to which the hub sends: {}", origin(&at), reason.replace(&at, "its address"))
                }
            };
            let bad = |reason| Failed::For(Kind::Network { url: url.to_owned(), reason: explained(reason) }.into());
            let request = request.body(()).map_err(|error| bad(error.to_string()))?;
            let response = self.agent.run(request).map_err(|failure| failed(url, &failure, explained))?;
            if home {
                // What the hub says of a file comes with the redirect to it.
                hub.clone_from(response.headers());
            }
            let is_redirect = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
            let Some(location) = text(response.headers(), "location").filter(|_| is_redirect) else {
                return Ok(Answer { response, hub, elsewhere: (!home).then(|| origin(&at)) });
            };
            let next = resolve(&at, location);
            if ask == Ask::Head && origin(&next) != origin(&self.settings.endpoint) {
                let response = Response::builder().body(Body::builder().data(Vec::new()));
                return Ok(Answer {
                    response: response.map_err(|error| bad(error.to_string()))?,
                    hub,
                    elsewhere: None,
                });
            }
            at = next;
        }
        Err(Failed::For(
            Kind::Network { url: url.to_owned(), reason: format!("more than {REDIRECTS} redirects") }.into(),
        ))
    }

    /// An answer's whole body.
    pub(super) fn read(&self, url: &str) -> Result<Vec<u8>, Error> {
        let mut answer = self.ask(url, Ask::Whole)?;
        let body = answer.response.body_mut().with_config().limit(LONGEST_ANSWER).read_to_vec();
        body.map_err(|error| Kind::Network { url: url.to_owned(), reason: error.to_string() }.into())
    }
}

/// Why a try failed: for good, or for now.
enum Failed {
    For(Error),
    Now(String),
}

/// Where asking again at once gives the same, that is the end.
fn failed(url: &str, failure: &Failure, explained: impl Fn(String) -> String) -> Failed {
    use std::io::ErrorKind::{ConnectionRefused, HostUnreachable, InvalidData, NetworkUnreachable};
    let reason = match failure {
        Failure::HostNotFound => "there is no such host, or no network".to_owned(),
        Failure::Io(error) => error.to_string(),
        other => other.to_string(),
    };
    let trust = if reason.to_lowercase().contains("certificate") {
        "; trusted are the system's certificates, on Linux those in the file SSL_CERT_FILE where that is set"
    } else {
        ""
    };
    let reason = explained(format!("{reason}{trust}"));
    let lasting = match failure {
        Failure::Io(error) => {
            matches!(error.kind(), ConnectionRefused | HostUnreachable | NetworkUnreachable | InvalidData)
        }
        Failure::Timeout(_) | Failure::ConnectionFailed => false,
        _ => true,
    };
    if lasting {
        return Failed::For(Kind::Network { url: url.to_owned(), reason }.into());
    }
    Failed::Now(reason)
}

/// A header, where it is there and is text.
pub(super) fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// What a server says with an error: the hub in a header, others as a line of text.
fn said(answer: &mut Answer) -> String {
    const LONGEST: usize = 200;
    let header = text(&answer.hub, "x-error-message").map(str::to_owned);
    let message = header.filter(|message| !message.trim().is_empty()).or_else(|| {
        let body = answer.response.body_mut().with_config().limit(4096).lossy_utf8(true).read_to_string().ok()?;
        let json: Option<serde_json::Value> = serde_json::from_str(&body).ok();
        let told = json.as_ref().and_then(|json| json["error"].as_str()).map(str::to_owned);
        told.or_else(|| (!body.contains('<')).then(|| body.lines().next().map(str::to_owned)).flatten())
    });
    let shown: String = message.unwrap_or_default().chars().filter(|c| !c.is_control()).take(LONGEST).collect();
    if shown.trim().is_empty() { String::new() } else { format!(" ({})", shown.trim()) }
}

/// Scheme, host and port of an address.
fn origin(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let host = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default().to_lowercase();
    let port = if scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
    format!("{}://{}", scheme.to_lowercase(), host.strip_suffix(port).unwrap_or(&host))
}

/// Where a redirect from `url` leads.
fn resolve(url: &str, location: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    if location.contains("://") && !location.starts_with(['/', '?', '.']) {
        return location.to_owned();
    }
    if let Some(elsewhere) = location.strip_prefix("//") {
        return format!("{scheme}://{elsewhere}");
    }
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if location.starts_with('/') {
        return format!("{scheme}://{host}{location}");
    }
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    let folder = path.rsplit_once('/').map_or(host, |(folder, _)| folder);
    format!("{scheme}://{folder}/{location}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_are_resolved() {
        let url = "https://hub.test/a/b?c=d/e";
        for (location, expected) in [
            ("https://cdn.test/x?y=http://z", "https://cdn.test/x?y=http://z"),
            ("//cdn.test/x", "https://cdn.test/x"),
            ("/api/x?u=https://y", "https://hub.test/api/x?u=https://y"),
            ("x", "https://hub.test/a/x"),
        ] {
            assert_eq!(resolve(url, location), expected);
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let hub = origin("https://hub.test");
        for url in ["https://hub.test/x", "https://HUB.test:443/x", "HTTPS://hub.test?x"] {
            assert_eq!(origin(url), hub);
        }
        for url in [
            "http://hub.test/x",
            "https://hub.test:444/x",
            "https://hub.test.evil/x",
            "https://hub.test@evil/x",
            "https://evil/hub.test",
            "https://evil\\@hub.test/",
        ] {
            assert_ne!(origin(url), hub, "{url}");
        }
    }
}
