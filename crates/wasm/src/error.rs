//! Errors as JavaScript sees them: an `Error` whose message says the whole chain. The one place that makes them.

use std::error::Error as StdError;

use wasm_bindgen::prelude::*;

/// An error and its causes, outermost first.
pub(crate) fn js(error: &dyn StdError) -> JsError {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // A transparent error says what its source says.
        if !message.ends_with(&text) {
            message = format!("{message}: {text}");
        }
        cause = error.source();
    }
    JsError::new(&message)
}

/// An engine that did not open. That there is no adapter is the browser's doing, and means something else than natively.
pub(crate) fn engine(error: &wembed_kernels::Error) -> JsError {
    if error.is_no_adapter() {
        return JsError::new(
            "no WebGPU adapter: this browser has no WebGPU, or it is off or not allowed on this machine's graphics \
             driver, or the page was not served over HTTPS or from localhost",
        );
    }
    js(error)
}

/// An argument of the wrong kind.
pub(crate) fn argument(name: &str, expected: &str, found: &str) -> JsError {
    JsError::new(&format!("{name}: expected {expected}, found {found}"))
}

/// What a rejected promise or a thrown value says.
pub(crate) fn said(thrown: &JsValue) -> String {
    match thrown.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => format!("{thrown:?}"),
    }
}
