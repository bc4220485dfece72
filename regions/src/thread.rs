//! A thread with a runtime of its own, for a part of the control plane.

use std::io;
use std::thread::JoinHandle;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// Such a thread. Dropping it ends it; what runs there is dropped at its next await.
pub(crate) struct Thread {
    handle: Handle,
    end: Option<oneshot::Sender<()>>,
    running: Option<JoinHandle<()>>,
}

impl Thread {
    /// Starts it.
    pub(crate) fn start(name: &str) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel::<()>();
        let run = move || {
            // Ends when it is told to, or when nobody can tell any more.
            drop(runtime.block_on(ended));
        };
        let thread = std::thread::Builder::new().name(name.into()).spawn(run)?;
        Ok(Self {
            handle,
            end: Some(end),
            running: Some(thread),
        })
    }

    /// Its runtime.
    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        drop(self.end.take());
        let own = self
            .running
            .as_ref()
            .is_some_and(|thread| thread.thread().id() == std::thread::current().id());
        if let Some(thread) = self.running.take().filter(|_| !own)
            && thread.join().is_err()
        {
            tracing::error!("a thread of the control plane had panicked");
        }
    }
}
