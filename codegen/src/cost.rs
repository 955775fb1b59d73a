//! counting, follows
