//! Each algorithm against the vectors, against a naive reference, and at its worst.

mod vectors;
