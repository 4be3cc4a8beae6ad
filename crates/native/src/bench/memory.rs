//! How much memory a process has had at most: what the kernel keeps, or what is seen while something runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// How often it is looked at.
const PAUSE: Duration = Duration::from_millis(100);

/// Looks at a process until this is dropped, where the kernel does not do that itself.
#[derive(Debug)]
pub struct Watch {
    pid: u32,
    most: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// From now on.
    pub fn of(pid: u32) -> Self {
        let (most, is_over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        if high_water(pid).is_some() {
            return Self { pid, most, is_over, thread: None };
        }
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
        Self { pid, most, is_over, thread: Some(thread::spawn(watching)) }
    }

    /// Bytes in memory, the most that there were: the kernel's own mark, which knows of the loading, else the most that was seen; nothing where the
    /// system says neither.
    pub fn most(&self) -> Option<u64> {
        let seen = Some(self.most.load(Ordering::Relaxed)).filter(|&bytes| bytes > 0);
        high_water(self.pid).or(seen)
    }
}

/// Linux keeps it for each process.
fn high_water(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_was_before_the_first_look_counts() {
        const BYTES: usize = 256 << 20;
        drop(std::hint::black_box(vec![1_u8; BYTES]));
        let watch = Watch::of(std::process::id());
        assert!(watch.thread.is_none(), "nobody looks where the kernel does");
        assert!(watch.most() >= Some(BYTES as u64), "{:?}", watch.most());
        assert_eq!(high_water(u32::MAX), None);
    }
}
