//! Error scopes and device loss: everything wgpu may report, as one typed error.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::Error;
use crate::error::Kind;

/// What a device reports outside every scope.
#[derive(Debug, Clone, Default)]
pub(super) struct Loss(Arc<Reports>);

#[derive(Debug, Default)]
struct Reports {
    /// Why the device was lost, once it was.
    lost: OnceLock<String>,
    /// The first error that no scope caught and nobody has heard of yet.
    stray: Mutex<Option<Error>>,
}

impl Loss {
    /// Listens on `device`.
    pub fn watch(device: &wgpu::Device) -> Self {
        let loss = Self::default();
        let told = loss.clone();
        device.set_device_lost_callback(move |reason, message| {
            // The first report is the one that counts.
            let _ = told.0.lost.set(if message.is_empty() { format!("{reason:?}") } else { message });
        });
        // Uploads happen outside of scopes; wgpu would take the process down.
        let told = loss.clone();
        device.on_uncaptured_error(Arc::new(move |error| {
            let place = "a buffer for a batch".to_owned();
            let error = match error {
                wgpu::Error::OutOfMemory { .. } => Kind::OutOfMemory { place }.into(),
                other => Error::refused(place, other),
            };
            told.stray().get_or_insert(error);
        }));
        loss
    }

    /// The error, if the device is gone or reported one that no scope caught. Natively callbacks only run inside a poll.
    pub fn check(&self, device: &wgpu::Device) -> Result<(), Error> {
        // A poll that fails says that the device is gone, which the callback says with its reason.
        let polled = device.poll(wgpu::PollType::Poll);
        match (self.0.lost.get(), polled) {
            (Some(reason), _) => Err(Kind::Lost { reason: reason.clone() }.into()),
            (None, Err(error)) => Err(Kind::Lost { reason: error.to_string() }.into()),
            (None, Ok(_)) => self.stray().take().map_or(Ok(()), Err),
        }
    }

    /// As [`Loss::check`], once the device has no work left: natively the callback of a loss waits for that.
    pub fn settle(&self, device: &wgpu::Device) -> Result<(), Error> {
        // Whether the wait succeeds does not matter here: what it leads to is checked.
        let _ = device.poll(wgpu::PollType::wait_indefinitely());
        self.check(device)
    }

    fn stray(&self) -> MutexGuard<'_, Option<Error>> {
        // What another thread left there when it panicked is still an error to report.
        self.0.stray.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The three scopes around a piece of work. Dropped without being closed, they end in this order: the last opened first, or wgpu panics.
pub(super) struct Scope {
    place: String,
    device: wgpu::Device,
    loss: Loss,
    internal: wgpu::ErrorScopeGuard,
    memory: wgpu::ErrorScopeGuard,
    validation: wgpu::ErrorScopeGuard,
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
            match (&internal, &memory, &validation) {
                (None, None, None) => loss.check(&device)?,
                _ => loss.settle(&device)?,
            }
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
