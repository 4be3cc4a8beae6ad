//! What is put in front of queries and of what they are to find, where nothing is said.

use wembed_model::Description;

/// The model's prompt for queries, else its usual one.
pub fn query(description: &Description) -> String {
    first(description, &["query"])
}

/// The model's prompt for passages, by any of the names that models give it, else its usual one.
pub fn passage(description: &Description) -> String {
    first(description, &["document", "passage", "corpus"])
}

/// The model's prompt of the first of `names` that it has, else its usual one.
fn first(description: &Description, names: &[&str]) -> String {
    let named = names.iter().find_map(|&name| description.prompts.get(name));
    let usual = || description.prompts.get(description.default_prompt.as_ref()?);
    named.or_else(usual).cloned().unwrap_or_default()
}
