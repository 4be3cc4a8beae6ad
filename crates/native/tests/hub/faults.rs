//! A hub and a network that fail: a clear error or a download that goes on, and never a bad file in the cache.

use std::fs;
use std::net::TcpListener;
use std::sync::mpsc;
use std::time::Duration;

use wembed::hub::Settings;

use crate::place::{ID, Place, WEIGHTS, files};
use crate::server::{Answer, Server};

/// What the large files' server was asked for: where each request began.
fn beginnings(place: &Place) -> Vec<Option<usize>> {
    let requests = place.server.requests();
    requests.iter().filter(|request| request.elsewhere).map(|request| request.from).collect()
}

#[test]
fn a_connection_that_is_cut_is_gone_on_with() {
    for cut in [0, 1, 65_536, 99_991, 447_727] {
        let place = Place::new();
        place.server.change(&Server::large(WEIGHTS), 1, move |_, answer| answer.cut = Some(cut));
        place.pull().expect("it goes on");
        let again = (cut > 0).then_some(cut);
        assert_eq!(beginnings(&place), [None, again], "cut after {cut}");
        place.noted(&[WEIGHTS, "going on after"]);
        place.works();
    }
}

#[test]
fn many_cuts_are_no_matter_while_bytes_come() {
    let place = Place::new();
    place.server.change(&Server::large(WEIGHTS), 20, |_, answer| answer.cut = Some(21_000));
    place.pull().expect("it goes on");
    let expected: Vec<_> = (0..=20).map(|part| (part > 0).then_some(part * 21_000)).collect();
    assert_eq!(beginnings(&place), expected);
    place.works();
}

#[test]
fn no_bytes_at_all_is_the_end_and_what_was_there_stays() {
    let place = Place::new();
    place.server.change(&Server::large(WEIGHTS), 1, |_, answer| answer.cut = Some(1000));
    place.server.change(&Server::large(WEIGHTS), 5, |_, answer| answer.cut = Some(0));
    let error = place.refused(&[WEIGHTS, "5 times", "1.00 kB of 447.73 kB", "stay for the next time"]);
    assert!(error.contains("/resolve/"), "it names the address: {error}");
    assert_eq!(fs::read(place.incomplete()).expect("it stays"), place.weights()[..1000]);
    assert!(!place.folder().join("refs").exists());
    place.server.requests();
    place.pull().expect("the hub is well again");
    assert_eq!(beginnings(&place), [Some(1000)]);
    assert!(!place.incomplete().exists());
    place.works();
}

#[test]
fn a_server_that_falls_silent() {
    let place = Place::new();
    let (_end, held) = mpsc::channel::<()>();
    let mut held = Some(held);
    place.server.change(&Server::large(WEIGHTS), 1, move |_, answer| {
        (answer.cut, answer.hold) = (Some(70_000), held.take());
    });
    place.pull_by(Settings { silence: Duration::from_millis(500), ..place.settings() }).expect("it goes on");
    assert_eq!(beginnings(&place), [None, Some(70_000)]);
    place.noted(&[WEIGHTS, "timeout", "going on after"]);
    place.works();
}

#[test]
fn a_server_without_ranges_starts_again() {
    let place = Place::new();
    let weights = place.weights();
    place.server.change(&Server::large(WEIGHTS), 1, |_, answer| answer.cut = Some(1000));
    place.server.change(&Server::large(WEIGHTS), 1, move |request, answer| {
        assert_eq!(request.from, Some(1000));
        answer.status = 200;
        answer.headers.remove("Content-Range");
        answer.body.clone_from(&weights);
    });
    place.pull().expect("it starts again");
    place.works();
}

#[test]
fn a_range_that_was_not_asked_for_is_not_taken() {
    let place = Place::new();
    place.server.change(&Server::large(WEIGHTS), 1, |_, answer| answer.cut = Some(1000));
    place
        .server
        .change(&Server::large(WEIGHTS), 1, |_, answer| answer.header("Content-Range", "bytes 5-447727/447728"));
    place.pull().expect("it starts again");
    assert_eq!(beginnings(&place), [None, Some(1000), None]);
    place.works();
}

#[test]
fn what_lies_there_of_another_file_is_found_out() {
    for left in [vec![7; 1000], vec![7; 447_728], vec![7; 500_000]] {
        let place = Place::new();
        fs::create_dir_all(place.folder().join("blobs")).expect("there is room");
        fs::write(place.incomplete(), &left).expect("there is room");
        place.pull().expect("it starts again");
        if left.len() <= 447_728 {
            place.noted(&[WEIGHTS, "came wrong"]);
        }
        place.works();
    }
}

#[test]
fn corrupt_bytes_are_fetched_again_once() {
    let place = Place::new();
    let spoil = |_: &_, answer: &mut Answer| answer.body[77_777] ^= 1;
    place.server.change(&Server::large(WEIGHTS), 1, spoil);
    place.pull().expect("the second time it is right");
    place.noted(&[WEIGHTS, "came wrong", "expected", "found", "again"]);
    place.works();

    for (path, end) in [(WEIGHTS, Server::large(WEIGHTS)), ("tokenizer.json", "/tokenizer.json".to_owned())] {
        let place = Place::new();
        place.server.change(&end, 2, |_, answer| answer.body[777] ^= 1);
        place.refused(&[path, "wrong twice", "expected", "checksum", "found"]);
        let kept = files(&place.folder().join("blobs"));
        assert!(!kept.keys().any(|path| path.extension().is_some()), "it was not kept: {kept:?}");
        assert!(!place.folder().join("refs").exists());
        place.pull().expect("the hub is well again");
        place.works();
    }
}

#[test]
fn another_length_than_listed() {
    let longer = |_: &_, answer: &mut Answer| answer.body.push(0);
    let shorter = |_: &_, answer: &mut Answer| answer.body.truncate(100_000);
    let page = |_: &_, answer: &mut Answer| answer.body = b"<html>Please log in to the network</html>".to_vec();
    let endless = |_: &_, answer: &mut Answer| {
        answer.header("Content-Length", "");
        answer.body.extend([0; 100_000]);
    };
    for (found, change) in [
        ("447729 bytes", Box::new(longer) as Box<dyn FnMut(&_, &mut Answer) + Send>),
        ("100000 bytes", Box::new(shorter)),
        ("41 bytes", Box::new(page)),
        ("more than 447728 bytes", Box::new(endless)),
    ] {
        let place = Place::new();
        place.server.change(&Server::large(WEIGHTS), 2, change);
        place.refused(&[WEIGHTS, "wrong twice", "expected 447728 bytes", &format!("found {found}")]);
        place.pull().expect("the hub is well again");
        place.works();
    }
}

#[test]
fn servers_that_say_less() {
    // No length: what comes until the end of the connection is measured by the list.
    let place = Place::new();
    place.server.change(&Server::large(WEIGHTS), 1, |_, answer| {
        answer.header("Content-Length", "");
        answer.cut = Some(5000);
    });
    place.server.change(&Server::large(WEIGHTS), 1, |_, answer| answer.header("Content-Length", ""));
    place.pull().expect("it goes on");
    assert_eq!(beginnings(&place), [None, Some(5000)]);
    place.works();

    // A list of names only: the headers say the rest.
    let place = Place::new();
    place.server.change("/revision/main", 1, |_, answer| names_only(answer));
    place.pull().expect("the headers say it");
    let heads = place.server.requests().iter().filter(|request| request.method == "HEAD").count();
    assert_eq!(heads, 9);
    place.works();

    // Neither: nothing to hold the bytes against.
    for etag in ["", "\"d41d8cd98f00b204e9800998ecf8427e\""] {
        let place = Place::new();
        place.server.change("/revision/main", 1, |_, answer| names_only(answer));
        place.server.change("/config.json", 9, |_, answer| {
            answer.headers.remove("ETag");
            if !etag.is_empty() {
                answer.header("ETag", etag);
            }
        });
        place.refused(&["config.json", "expected a checksum", "found", etag, "Hugging Face hub?"]);
    }
}

/// A mirror's list.
fn names_only(answer: &mut Answer) {
    let mut list: serde_json::Value = serde_json::from_slice(&answer.body).expect("it is a list");
    for file in list["siblings"].as_array_mut().expect("files") {
        *file = serde_json::json!({"rfilename": file["rfilename"]});
    }
    answer.body = list.to_string().into_bytes();
}

#[test]
fn what_is_no_hub() {
    for body in ["<html></html>", "{}", r#"{"sha": "../../../x", "siblings": []}"#] {
        let place = Place::new();
        place.server.change("/revision/main", 1, move |_, answer| answer.body = body.as_bytes().to_vec());
        place.refused(&["/api/models/tests/mpnet", "Hugging Face hub?"]);
    }
}

#[test]
fn a_model_that_wants_out_of_its_folder() {
    let place = Place::new();
    let modules = br#"[{"path": "../../../../out", "type": "sentence_transformers.models.Transformer"}]"#;
    let modules =
        [&modules[..modules.len() - 1], br#", {"path": "../x", "type": "sentence_transformers.models.Pooling"}]"#];
    place.server.put(ID, "modules.json", &modules.concat(), crate::server::COMMIT);
    place.refused(&["leads out of the model's directory"]);
    let outside: Vec<_> = fs::read_dir(place.home.path()).expect("a folder").collect();
    assert_eq!(outside.len(), 1, "only the cache: {outside:?}");
    assert!(!files(place.home.path()).keys().any(|path| path.ends_with("x/config.json")));
}

#[test]
fn a_busy_server_is_asked_again() {
    for status in [408, 500, 502, 503, 504] {
        let place = Place::new();
        place.server.change("/revision/main", 2, move |_, answer| *answer = Answer::error(status, "", "busy"));
        place.server.change("/config.json", 1, move |_, answer| *answer = Answer::error(status, "", "busy"));
        place.pull().expect("it is asked again");
        place.noted(&[&format!("{status} (busy)"), "trying again"]);
        place.works();
    }
    let place = Place::new();
    place.server.change(&Server::large(WEIGHTS), 99, |_, answer| *answer = Answer::error(503, "", "busy"));
    place.refused(&[WEIGHTS, "503 (busy)", "5 times"]);
    assert_eq!(beginnings(&place).len(), 5);
}

#[test]
fn who_refuses_is_named() {
    let place = Place::new();
    place.server.change(&Server::large(WEIGHTS), 1, |_, answer| *answer = Answer::error(403, "", "expired"));
    let error = place.refused(&[WEIGHTS, "to which the hub sends, answers 403"]);
    assert!(!error.contains("HF_TOKEN"), "no token opens that: {error}");
}

#[test]
fn no_message_shows_a_signed_address() {
    let place = Place::new();
    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("there is a free port");
    place.server.change(WEIGHTS, 1, move |_, answer| {
        answer.header("Location", &format!("http://{nobody}/file?Signature=secret"));
    });
    let error = place.refused(&["/resolve/", WEIGHTS, &format!("http://{nobody}, to which the hub sends")]);
    assert!(!error.contains("secret"), "{error}");
}

#[test]
fn a_length_beyond_all_numbers() {
    let place = Place::new();
    place.server.change(&Server::large(WEIGHTS), 1, |_, answer| answer.cut = Some(1000));
    place.server.change(&Server::large(WEIGHTS), 1, |_, answer| {
        answer.header("Content-Length", &u64::MAX.to_string());
    });
    place.pull().expect("the second time it is right");
    place.noted(&[WEIGHTS, "came wrong", "found more than 447728 bytes"]);
    place.works();
}

#[test]
fn a_wait_that_is_asked_for() {
    let place = Place::new();
    place.server.change("/config.json", 1, |_, answer| {
        *answer = Answer::error(429, "", "slower");
        answer.header("Retry-After", "0");
    });
    place.pull().expect("it waits");
    place.noted(&["429 (slower)", "a wait of 0 s"]);
    place.works();
    let place = Place::new();
    place.server.change("/revision/main", 1, |_, answer| {
        *answer = Answer::error(429, "", "slower");
        answer.header("Retry-After", "3600");
    });
    place.refused(&["no further request for 3600 s", "/api/models/tests/mpnet"]);
}

#[test]
fn a_cache_that_was_spoilt() {
    let place = Place::new();
    let path = place.pull().expect("the hub is well");
    let blob = fs::canonicalize(path.join(WEIGHTS)).expect("it is there");
    let mut bytes = place.weights();
    bytes[300_000] ^= 1;
    for bytes in [&bytes[..], &bytes[..1000], b""] {
        fs::write(&blob, bytes).expect("it can be written");
        place.pull().expect("it is fetched again");
        place.works();
    }
}
