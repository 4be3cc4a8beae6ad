//! Faults on purpose: every so many batches, as `WEMBED_FAULTS` says, the engine fails, panics or loses its device.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::bail;

use super::hosted::Model;

static BATCHES: AtomicU64 = AtomicU64::new(0);

/// Fails when its turn is there.
pub fn strike(model: &Model) -> anyhow::Result<()> {
    let every =
        std::env::var("WEMBED_FAULTS").ok().and_then(|every| every.parse::<u64>().ok()).filter(|&every| every > 0);
    let Some(every) = every else { return Ok(()) };
    let batch = BATCHES.fetch_add(1, Ordering::Relaxed) + 1;
    if !batch.is_multiple_of(every) {
        return Ok(());
    }
    match (batch / every % 3, model) {
        (0, Model::Gpu(embedder)) => embedder.engine().device().destroy(),
        (1, _) => panic!("on purpose"),
        _ => bail!("on purpose"),
    }
    Ok(())
}
