//! Helpers that several tests share. The tests themselves are under `tests/`.
//!
//! Conformance: [`corpus`] reads recorded exchanges, [`loopback`] serves them, [`exchange`] lets a generated client
//! answer and ask, [`compare`] and [`body`] grade, [`splits`] cuts streams at every byte, [`run`] runs it all.
//! [`tour`] goes through everything that can be asked and answered. [`mutants`] tells whether any of it notices a wrong
//! wire. [`fuzz`] feeds decoders with anything. [`files`] serves files, rightly and wrongly; `local` makes files of
//! models. `bench` measures, beside floors and peers.

#[cfg(unix)]
pub mod bench;
pub mod body;
pub mod compare;
pub mod corpus;
pub mod exchange;
pub mod files;
pub mod fuzz;
pub mod known;
#[cfg(feature = "local")]
pub mod local;
pub mod loopback;
#[cfg(feature = "memory")]
pub mod memory;
pub mod mutants;
pub mod openapi;
pub mod outcome;
pub mod parallel;
pub mod providers;
pub mod report;
pub mod request;
pub mod run;
pub mod scope;
pub mod splits;
pub mod tour;
