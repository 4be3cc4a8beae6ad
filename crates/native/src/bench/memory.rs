//! How much memory a process has, watched while something runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// How often it is looked at.
const PAUSE: Duration = Duration::from_millis(100);

/// Looks at a process until this is dropped.
#[derive(Debug)]
pub struct Watch {
    most: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// From now on.
    pub fn of(pid: u32) -> Self {
        let (most, is_over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (most_seen, ends) = (Arc::clone(&most), Arc::clone(&is_over));
        let watching = move || {
            let mut system = System::new();
            let pid = Pid::from_u32(pid);
            while !ends.load(Ordering::Relaxed) {
                let wanted = ProcessRefreshKind::nothing().with_memory();
                system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, wanted);
                let resident = system.process(pid).map_or(0, sysinfo::Process::memory);
                most_seen.fetch_max(resident, Ordering::Relaxed);
                thread::sleep(PAUSE);
            }
        };
        Self { most, is_over, thread: Some(thread::spawn(watching)) }
    }

    /// Bytes in memory, the most that was seen; nothing where the system does not say.
    pub fn most(&self) -> Option<u64> {
        Some(self.most.load(Ordering::Relaxed)).filter(|&bytes| bytes > 0)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
