//! Printed lines, compared.

/// Panics where a line differs by more than the machine's name, or a number by more than its last digit.
pub fn compare(place: &str, expected: &str, found: &str) {
    let [expected, found] = [expected, found].map(|text| text.lines().map(str::trim_end).collect::<Vec<_>>());
    let same =
        expected.len() == found.len() && expected.iter().zip(&found).all(|(expected, found)| alike(expected, found));
    assert!(same, "{place}: expected\n\n{}\n\nfound\n\n{}\n", expected.join("\n"), found.join("\n"));
}

fn alike(expected: &str, found: &str) -> bool {
    // Which processor it is, and which instructions it has.
    if expected.starts_with("device  ") {
        return found.starts_with("device  ");
    }
    // The weights', and behind it the numbers' that this processor gives.
    if expected.starts_with("fingerprint  ") {
        return expected.split('-').next() == found.split('-').next();
    }
    let [expected, found] = [expected, found].map(|line| line.split(' ').collect::<Vec<_>>());
    expected.len() == found.len() && expected.iter().zip(&found).all(|(expected, found)| same_word(expected, found))
}

fn same_word(expected: &str, found: &str) -> bool {
    if expected == found {
        return true;
    }
    let [expected, found] = [expected, found].map(|word| word.trim_matches([',', '[', ']', ';']));
    let (Ok(number), Ok(other)) = (expected.parse::<f64>(), found.parse::<f64>()) else { return false };
    // An error is as small here as there, not the same: 1.1e-14.
    if expected.contains('e') {
        return number.max(other) < 1e-9;
    }
    let decimals = expected.split('.').nth(1).map_or(0, str::len);
    decimals > 0 && (number - other).abs() < 1.5 * 0.1_f64.powi(i32::try_from(decimals).expect("few digits"))
}

#[test]
fn numbers_may_differ_in_their_last_digit_and_words_not_at_all() {
    assert!(alike("0  [-0.25543,  0.23257]  256 dimensions", "0  [-0.25544,  0.23257]  256 dimensions"));
    assert!(alike("off by 1.1e-14, allowed", "off by 2.3e-13, allowed"));
    for (expected, found) in [
        ("0  [-0.25543]  256", "0  [-0.25553]  256"),
        ("256 dimensions", "257 dimensions"),
        ("off by 1.1e-14, allowed", "off by 2e-3, allowed"),
        ("passed: all", "failed: all"),
        ("one", "one two"),
    ] {
        assert!(!alike(expected, found), "{expected} / {found}");
    }
}
