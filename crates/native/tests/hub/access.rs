//! Who may read what, and who hears of the token.

use std::fs;

use crate::place::{ID, Place, WEIGHTS};
use crate::run::finish;
use crate::server::Answer;

#[test]
fn the_token_goes_to_the_hub_and_nowhere_else() {
    let place = Place::new();
    place.pull().expect("the hub is well");
    let requests = place.server.requests();
    assert!(requests.iter().any(|request| request.elsewhere));
    for request in requests {
        let expected = (!request.elsewhere).then_some("Bearer hf_secret");
        assert_eq!(request.authorization.as_deref(), expected, "{request:?}");
    }
    assert!(!format!("{:?}", place.settings()).contains("hf_secret"));
}

#[test]
fn a_model_that_was_renamed() {
    let place = Place::new();
    // As the hub does it: a redirect without a host, which keeps the token.
    place.server.change("old/name/revision/main", 1, |_, answer| {
        *answer = Answer::error(307, "", "");
        answer.header("Location", "/api/models/tests/mpnet/revision/main?blobs=true");
    });
    for path in [WEIGHTS, ".json"] {
        place.server.change(path, 99, |request, answer| {
            if let Some(rest) = request.target.strip_prefix("/old/name/") {
                *answer = Answer::error(307, "", "");
                answer.header("Location", &format!("/tests/mpnet/{rest}"));
            }
        });
    }
    let pulled = finish(place.wembed(&["pull", "old/name"]).env("HF_TOKEN", "hf_secret")).good();
    assert!(pulled.contains("models--old--name"), "{pulled}");
    for request in place.server.requests() {
        assert_eq!(request.authorization.is_some(), !request.elsewhere, "{request:?}");
    }
}

#[test]
fn redirects_in_a_circle() {
    let place = Place::new();
    place.server.change("/revision/main", 99, |request, answer| {
        *answer = Answer::error(302, "", "");
        answer.header("Location", &request.target);
    });
    place.refused(&["redirects"]);
}

#[test]
fn a_model_that_is_not_for_everyone() {
    for (status, with_token, parts) in [
        (401, false, ["does not exist, is private", "HF_TOKEN"]),
        (403, false, ["accept its terms at", "HF_TOKEN"]),
        (401, true, ["the token", "is not valid"]),
        (403, true, ["accept its terms at", "HF_TOKEN"]),
    ] {
        for end in ["/revision/main", "/model.safetensors"] {
            let place = Place::new();
            place
                .server
                .change(end, 99, move |_, answer| *answer = Answer::error(status, "GatedRepo", "Access is restricted"));
            let mut command = place.wembed(&["pull", ID]);
            if with_token {
                command.env("HF_TOKEN", "hf_secret");
            }
            let run = finish(&mut command);
            assert!(!run.stderr.contains("hf_secret"), "{}", run.stderr);
            let page = format!("{}/{ID}", place.server.address);
            run.bad(1, &[&[&status.to_string(), "Access is restricted", &page][..], &parts].concat());
            place.check();
        }
    }
}

#[test]
fn where_the_token_comes_from() {
    let place = Place::new();
    fs::write(place.home.path().join("token"), " hf_file\n").expect("there is room");
    let elsewhere = place.home.path().join("elsewhere");
    fs::write(&elsewhere, "hf_elsewhere").expect("there is room");
    let elsewhere = elsewhere.to_str().expect("UTF-8");
    for (variables, expected) in [
        (&[("HF_TOKEN", "hf_variable")][..], Some("Bearer hf_variable")),
        (&[("HF_TOKEN", " ")], Some("Bearer hf_file")),
        (&[], Some("Bearer hf_file")),
        (&[("HF_TOKEN_PATH", elsewhere)], Some("Bearer hf_elsewhere")),
        (&[("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")], None),
    ] {
        finish(place.wembed(&["pull", ID]).envs(variables.iter().copied())).good();
        let requests = place.server.requests();
        assert_eq!(requests[0].authorization.as_deref(), expected, "{variables:?}");
    }
    finish(place.wembed(&["pull", ID]).env("HF_TOKEN", "hf_\u{1}secret")).bad(1, &["HF_TOKEN", "characters"]);
}

#[test]
fn where_the_cache_is() {
    let place = Place::new();
    let (own, other) = (place.cache(), place.home.path().join("other"));
    let home = place.home.path().to_str().expect("UTF-8").to_owned();
    for (variables, folder) in [
        (vec![("HF_HUB_CACHE", other.clone())], other.clone()),
        (vec![("HF_HUB_CACHE", "~/cache".into()), ("HOME", home.clone().into())], place.home.path().join("cache")),
        (vec![("HF_HOME", "".into()), ("XDG_CACHE_HOME", other.clone())], other.join("huggingface/hub")),
        (vec![("HF_HOME", "".into()), ("HOME", home.into())], place.home.path().join(".cache/huggingface/hub")),
        (vec![], own),
    ] {
        let path = finish(place.wembed(&["pull", ID]).env_remove("XDG_CACHE_HOME").envs(variables)).good();
        assert!(path.starts_with(folder.to_str().expect("UTF-8")), "{path} {folder:?}");
    }
}

#[test]
fn nobody_there() {
    let place = Place::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port");
    let endpoint = format!("http://{port}");
    finish(place.wembed(&["info", ID]).env("HF_ENDPOINT", &endpoint)).bad(1, &[ID, &endpoint, "refused"]);
}
