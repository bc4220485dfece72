//! The cases of OTP's `gen_server_SUITE`, under their own names, and the rules R38 to R42 of a server.
//!
//! `stop8`, `stop9`, `cast_fast` and `call_remote*` run between two systems over a socket, all others in virtual time. Cases that cannot apply:
//!
//! | Case | Why |
//! |---|---|
//! | `stop3`, and the bad return in `call` | a timeout that is none, and a reply of another type, do not compile |
//! | `stop5` | a name is one of this system; there is no second form with the node beside it |
//! | `stop6`, `stop7`, `stop10`, and `start` under `global` and `via` | there are no names across nodes here; singletons are of `quorate-regions` |
//! | `abcast`, `multi_server` forms | a cast goes to one ref; a loop over refs is the user's |
//! | `reqid_collection_*` with labels | the futures are the collection, and what they stand for is known where they are made |
//!
//! An actor of another node cannot be stopped from here: `stop8` and `stop9` show what its refs tell when its own node stops it.

#[path = "gen_server/server.rs"]
mod server;

#[path = "gen_server/calls.rs"]
mod calls;
#[path = "gen_server/hooks.rs"]
mod hooks;
#[path = "gen_server/life.rs"]
mod life;
#[path = "gen_server/nodes.rs"]
mod nodes;
