//! What an agent does with its memories besides finding them. Each of it is a defined computation over a
//! [`Store`](super::store::Store) or over numbers; models and judges are traits, the time and chance are given.
//!
//! [`working`] holds what is at hand, by the [`activation`] of each memory; [`weights`] shares attention among channels;
//! [`calibration`] turns scores into probabilities; [`retention`] says what fades; [`consolidation`] concludes from episodes;
//! [`contradiction`] finds what cannot both be true; [`committee`] has several judges decide; [`search`] follows relations.
//! [`state`] holds together what belongs to one session.
//!
//! Nothing here erases a memory. What is concluded is derived from what it was concluded from, and what contradicts is
//! related, so that everything can be traced and undone.

pub mod activation;
pub mod calibration;
pub mod committee;
pub mod consolidation;
pub mod contradiction;
pub mod retention;
pub mod search;
pub mod state;
pub mod weights;
pub mod working;
