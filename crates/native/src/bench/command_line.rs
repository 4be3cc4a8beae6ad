//! The command line as it may be written down: without what nobody else is to know.

const HIDDEN: &str = "***";

/// These words; instead of the key stands `***`, and instead of an address's user and password.
pub fn shown(words: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut is_key = false;
    let shown = |word: String| {
        let follows = std::mem::replace(&mut is_key, word == "--api-key");
        if follows {
            HIDDEN.to_owned()
        } else if word.starts_with("--api-key=") {
            format!("--api-key={HIDDEN}")
        } else {
            shown_url(&word)
        }
    };
    words.into_iter().map(shown).collect()
}

/// An address without its user and password.
pub fn shown_url(url: &str) -> String {
    let parts = url.split_once("://").and_then(|(scheme, rest)| {
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        Some((scheme, authority.rsplit_once('@')?.1, path))
    });
    parts.map_or_else(|| url.to_owned(), |(scheme, host, path)| format!("{scheme}://{HIDDEN}@{host}{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let words = "wembed bench --api-key SECRET --api-key=SECRET --url http://me:SECRET@host:80/v1 --quick";
        let expected = "wembed bench --api-key *** --api-key=*** --url http://***@host:80/v1 --quick";
        assert_eq!(shown(words.split(' ').map(str::to_owned)).join(" "), expected);
        for plain in ["http://host/a@b", "--url=http://host", "--max-threads", "me@host"] {
            assert_eq!(shown_url(plain), plain);
        }
        assert_eq!(shown_url("--url=https://me@host"), "--url=https://***@host");
    }
}
