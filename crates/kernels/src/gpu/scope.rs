//! Error scopes and device loss: everything wgpu may report, as one typed error.

use std::future::Future;
use std::sync::{Arc, OnceLock};

use crate::Error;
use crate::error::Kind;

/// Why the device was lost, once it was.
#[derive(Debug, Clone, Default)]
pub(super) struct Loss(Arc<OnceLock<String>>);

impl Loss {
    /// Listens on `device`.
    pub fn watch(device: &wgpu::Device) -> Self {
        let loss = Self::default();
        let told = loss.clone();
        device.set_device_lost_callback(move |reason, message| {
            // The first report is the one that counts.
            let _ = told.0.set(if message.is_empty() { format!("{reason:?}") } else { message });
        });
        // What no scope catches is a mistake of ours on a path without one: it must not take the process down.
        let told = loss.clone();
        device.on_uncaptured_error(Arc::new(move |error| {
            let _ = told.0.set(format!("an error outside every scope: {error}"));
        }));
        loss
    }

    /// The error, if the device is gone. Natively the callback only runs inside a poll.
    pub fn check(&self, device: &wgpu::Device) -> Result<(), Error> {
        // A poll that fails says that the device is gone, which the callback says with its reason.
        let polled = device.poll(wgpu::PollType::Poll);
        match (self.0.get(), polled) {
            (Some(reason), _) => Err(Kind::Lost { reason: reason.clone() }.into()),
            (None, Err(error)) => Err(Kind::Lost { reason: error.to_string() }.into()),
            (None, Ok(_)) => Ok(()),
        }
    }
}

/// The three scopes around a piece of work.
pub(super) struct Scope {
    place: String,
    device: wgpu::Device,
    loss: Loss,
    validation: wgpu::ErrorScopeGuard,
    memory: wgpu::ErrorScopeGuard,
    internal: wgpu::ErrorScopeGuard,
}

impl Scope {
    /// Opens the scopes. Between this and [`Scope::close`] nothing is waited for, so that scopes nest.
    pub fn open(device: &wgpu::Device, loss: &Loss, place: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            device: device.clone(),
            loss: loss.clone(),
            validation: device.push_error_scope(wgpu::ErrorFilter::Validation),
            memory: device.push_error_scope(wgpu::ErrorFilter::OutOfMemory),
            internal: device.push_error_scope(wgpu::ErrorFilter::Internal),
        }
    }

    /// Closes the scopes now; the future gives the first thing that went wrong between. A lost device counts before its consequences.
    pub fn close(self) -> impl Future<Output = Result<(), Error>> + use<> {
        let Self { place, device, loss, validation, memory, internal } = self;
        let (internal, memory, validation) = (internal.pop(), memory.pop(), validation.pop());
        async move {
            let internal = internal.await;
            let memory = memory.await;
            let validation = validation.await;
            loss.check(&device)?;
            if memory.is_some() {
                return Err(Kind::OutOfMemory { place }.into());
            }
            match validation.or(internal) {
                Some(error) => Err(Error::refused(place, error)),
                None => Ok(()),
            }
        }
    }
}
