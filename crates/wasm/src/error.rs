//! Errors as JavaScript sees them: an `Error` whose message says the whole chain, and whose `kind` tells `js/errors.ts` which of the
//! package's classes it is. The one place that makes them.

use std::error::Error as StdError;

use js_sys::Reflect;
use wasm_bindgen::prelude::*;

/// What kind of error it is; `js/errors.ts` has a class for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// No adapter, or one that computes wrongly.
    WebGpu,
    /// Larger than the device takes.
    Limit,
    /// The device is gone.
    Lost,
    /// The device failed otherwise.
    Device,
    /// A file could not be read: whose business that is the files themselves know.
    Files,
    /// What is in the files.
    Model,
    /// What the caller said.
    Argument,
    /// The caller did not want it any more.
    Aborted,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::WebGpu => "webgpu",
            Self::Limit => "limit",
            Self::Lost => "lost",
            Self::Device => "device",
            Self::Files => "files",
            Self::Model => "model",
            Self::Argument => "argument",
            Self::Aborted => "aborted",
        }
    }

    fn of(error: &wembed_kernels::Error) -> Self {
        if error.is_no_adapter() || error.is_wrong_device() {
            Self::WebGpu
        } else if error.is_limit() {
            Self::Limit
        } else if error.is_device_lost() {
            Self::Lost
        } else {
            Self::Device
        }
    }
}

/// An error and its causes, outermost first.
fn chain(error: &dyn StdError) -> String {
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
    message
}

fn error(kind: Kind, message: &str) -> JsValue {
    let error = JsValue::from(js_sys::Error::new(message));
    set(&error, "kind", &kind.name().into());
    error
}

fn set(error: &JsValue, key: &str, value: &JsValue) {
    Reflect::set(error, &key.into(), value).expect("an error takes properties");
}

/// What an embedder said.
pub(crate) fn model(said: &wembed_model::Error) -> JsValue {
    match said.device() {
        Some(device) => engine(device),
        None if said.is_unreadable() => error(Kind::Files, &chain(said)),
        None if said.is_option() => error(Kind::Argument, &chain(said)),
        None => error(Kind::Model, &chain(said)),
    }
}

/// What an engine said. That there is no adapter is the browser's doing, and means something else than natively.
pub(crate) fn engine(said: &wembed_kernels::Error) -> JsValue {
    let message = if said.is_no_adapter() { NO_ADAPTER.to_owned() } else { chain(said) };
    let error = error(Kind::of(said), &message);
    if let Some((limit, needed, got)) = said.limit() {
        set(&error, "limit", &limit.into());
        set(&error, "needed", &(needed as f64).into());
        set(&error, "got", &(got as f64).into());
    }
    error
}

/// There is nothing that could have an adapter.
pub(crate) fn no_adapter() -> JsValue {
    error(Kind::WebGpu, NO_ADAPTER)
}

/// Why there is no adapter, as far as a page can know.
pub(crate) const NO_ADAPTER: &str = "no WebGPU adapter: this browser has no WebGPU, or it is off or not allowed on this machine's graphics \
                                     driver, or the page was not served over HTTPS or from localhost";

/// An argument of the wrong kind.
pub(crate) fn argument(name: &str, expected: &str, found: &str) -> JsValue {
    said_of_arguments(&format!("{name}: expected {expected}, found {found}"))
}

/// What is wrong with the arguments, in words.
pub(crate) fn said_of_arguments(message: &str) -> JsValue {
    error(Kind::Argument, message)
}

/// The caller did not want it any more.
pub(crate) fn aborted() -> JsValue {
    error(Kind::Aborted, "this was aborted")
}

/// What a rejected promise or a thrown value says.
pub(crate) fn said(thrown: &JsValue) -> String {
    match thrown.dyn_ref::<js_sys::Error>() {
        Some(error) => String::from(error.message()),
        None => format!("{thrown:?}"),
    }
}
