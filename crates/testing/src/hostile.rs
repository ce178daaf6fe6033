//! Hostile Authorization headers: bytes in, rejection out.
