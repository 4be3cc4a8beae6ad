//! Several processes, one that is killed, and caches that cannot be written.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::place::{ID, Place, WEIGHTS};
use crate::run::finish;
use crate::server::Server;

/// The binary pulling, while the test goes on.
fn start(place: &Place) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wembed"));
    command.args(["pull", ID]).env("HF_HOME", place.home.path()).env("HF_ENDPOINT", &place.server.address);
    command.env_remove("HF_HUB_CACHE").env_remove("HF_HUB_OFFLINE").env("NO_PROXY", "127.0.0.1");
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts")
}

#[test]
fn a_process_that_was_killed_left_something_to_go_on_with() {
    let place = Place::new();
    // The server holds the rest back until the process is dead.
    let (dead, held) = mpsc::channel::<()>();
    let mut held = Some(held);
    place.server.change(&Server::large(WEIGHTS), 1, move |_, answer| {
        (answer.cut, answer.hold) = (Some(100_000), held.take());
    });
    let mut process = start(&place);
    let deadline = Instant::now() + Duration::from_secs(30);
    while fs::metadata(place.incomplete()).map_or(0, |file| file.len()) < 100_000 {
        assert!(Instant::now() < deadline, "the weights come");
        thread::yield_now();
    }
    process.kill().expect("it runs");
    process.wait().expect("it ran");
    drop(dead);
    place.check();
    assert!(!place.folder().join("refs").exists());
    place.server.requests();
    place.pull().expect("its lock went with it");
    let requests = place.server.requests();
    let large: Vec<_> = requests.iter().filter(|request| request.elsewhere).map(|request| request.from).collect();
    assert_eq!(large, [Some(100_000)]);
    place.works();
}

#[test]
fn two_processes_fetch_once() {
    let place = Place::new();
    let (asked, hear) = mpsc::channel();
    let (go, wait) = mpsc::channel::<()>();
    place.server.change(&Server::large(WEIGHTS), 1, move |_, _| {
        asked.send(()).expect("the test listens");
        let _ = wait.recv();
    });
    let mut first = start(&place);
    hear.recv_timeout(Duration::from_secs(30)).expect("the first asks for the weights");
    let mut second = start(&place);
    let mut lines = BufReader::new(second.stderr.take().expect("piped")).lines();
    let line = lines.next().expect("it says that it waits").expect("UTF-8");
    assert!(line.contains("waiting for another process") && line.contains(WEIGHTS), "{line}");
    drop(go);
    let mut paths = Vec::new();
    for process in [&mut first, &mut second] {
        let mut path = String::new();
        process.stdout.take().expect("piped").read_to_string(&mut path).expect("UTF-8");
        assert!(process.wait().expect("it ran").success());
        paths.push(path);
    }
    assert_eq!(paths[0], paths[1]);
    let requests = place.server.requests();
    assert_eq!(requests.iter().filter(|request| request.elsewhere).count(), 1, "{requests:?}");
    place.works();
}

#[cfg(unix)]
#[test]
fn a_disk_without_room() {
    let place = Place::new();
    // No file may be longer than 200 kB: what a full disk says, of one file.
    let mut command = assert_cmd::Command::new("sh");
    let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" pull {ID}", 200_000 / 512);
    command.args(["-c", &script, env!("CARGO_BIN_EXE_wembed")]);
    command.env("HF_HOME", place.home.path()).env("HF_ENDPOINT", &place.server.address).env("NO_PROXY", "127.0.0.1");
    let incomplete = place.incomplete();
    finish(&mut command).bad(1, &[incomplete.to_str().expect("UTF-8"), "could not be written", "large"]);
    place.check();
    place.server.requests();
    let present = fs::metadata(&incomplete).expect("it stays").len() as usize;
    assert!(present > 100_000, "{present}");
    place.pull().expect("now there is room");
    assert!(place.server.requests().iter().any(|request| request.elsewhere && request.from == Some(present)));
    place.works();
}

#[test]
fn caches_that_cannot_be_written() {
    let place = Place::new();
    fs::write(place.cache(), "a file").expect("there is room");
    let cache = place.cache();
    finish(&mut place.wembed(&["pull", ID]))
        .bad(1, &[cache.to_str().expect("UTF-8"), "could not be made in the cache"]);
    // Where even root may not write.
    if cfg!(target_os = "linux") {
        finish(place.wembed(&["pull", ID]).env("HF_HOME", "/proc"))
            .bad(1, &["/proc/hub", "could not be made in the cache"]);
    }
}
