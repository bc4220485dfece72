//! Whether networks can be cut here, and the way into namespaces where that harms nobody.
//!
//! The driver becomes itself again in a network and a mount namespace without a name: the kernel removes both with their
//! last process, whatever that died of, and with them every link, route and named namespace that is made inside.

use std::fmt;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};

/// The subcommand of the driver that runs in its namespaces.
pub(super) const INSIDE: &str = "inside";

/// The exit code that says that nothing was tried.
const NOT_TRIED: u8 = 2;

/// Why networks cannot be cut here.
#[derive(Debug)]
pub(super) struct Unable(pub(super) String);

impl fmt::Display for Unable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cut_regions did NOT run, nothing was tried: {}", self.0)
    }
}

impl Unable {
    /// Says so.
    pub(super) fn report(&self) -> ExitCode {
        eprintln!("{self}");
        ExitCode::from(NOT_TRIED)
    }
}

/// Becomes the driver in its namespaces; returns only when that cannot be.
pub(super) fn start_inside(options: &[&str]) -> ExitCode {
    let unable = lacking().unwrap_or_else(|| become_inside(options));
    unable.report()
}

fn become_inside(options: &[&str]) -> Unable {
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => return Unable(format!("this program does not find itself: {error}")),
    };
    let mut unshare = Command::new("unshare");
    unshare.args(["--net", "--mount", "--"]).arg(program);
    Unable(unshare.arg(INSIDE).args(options).exec().to_string())
}

fn lacking() -> Option<Unable> {
    if !rustix::process::geteuid().is_root() {
        return Some(Unable("it needs root, to make network namespaces".to_owned()));
    }
    let needs = [
        (&["ip", "-V"][..], "it needs iproute2"),
        (&["nsenter", "--version"], "it needs util-linux"),
        (
            &["unshare", "--net", "--mount", "true"],
            "it cannot make namespaces here",
        ),
    ];
    needs.iter().find_map(|(command, need)| {
        let [program, arguments @ ..] = command else {
            return None;
        };
        let ran = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .output();
        match ran {
            Ok(output) if output.status.success() => None,
            Ok(output) => Some(Unable(format!(
                "{need}: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            ))),
            Err(error) => Some(Unable(format!("{need}: {program}: {error}"))),
        }
    })
}
