//! Answers that are not DNS: the right id, so that they are not ignored, and then noise.

use tokio::io::AsyncWriteExt;
use tokio::sync::oneshot;

use super::{Running, Sockets};

/// Says "this is an answer with one question and 255 records" and does not keep it.
const NOISE: [u8; 30] = [
    0x84, 0x00, 0x00, 0x01, 0x00, 0xff, 0x00, 0xff, 0x00, 0xff, 0xc0, 0xff, 0x3f, 0x2a, 0x11, 0xee, 0x77,
    0x05, 0x9c, 0xf3, 0x00, 0x21, 0x80, 0x01, 0xde, 0xad, 0xbe, 0xef, 0x7f, 0x40,
];

/// Answers with noise until it is stopped.
pub(super) fn serve((udp, tcp): Sockets) -> Running {
    let (stop, mut stopped) = oneshot::channel();
    let task = tokio::spawn(async move {
        let mut query = [0; 512];
        loop {
            tokio::select! {
                _ = &mut stopped => return,
                received = udp.recv_from(&mut query) => {
                    let Ok((length, peer)) = received else { continue };
                    let answer: Vec<u8> = query.iter().take(length.min(2)).chain(&NOISE).copied().collect();
                    // A client that has gone away needs no answer.
                    let _ = udp.send_to(&answer, peer).await;
                }
                accepted = tcp.accept() => {
                    let Ok((mut stream, _)) = accepted else { continue };
                    let _ = stream.write_all(&NOISE).await;
                }
            }
        }
    });
    Running { stop, task }
}
