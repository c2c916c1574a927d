//! The token of a session, as it goes to a page and comes back.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::session::{error::SessionError, record::Token};

const LENGTH: usize = 16;
/// What mask and masked token are long in base64.
const LETTERS: usize = 43;

/// What an unsafe request proves that it comes from one of the application's own pages with: 43 letters of base64url,
/// for a field of a form or of a request.
///
/// It is another text every time, so that what a page repeats of its request does not let anybody guess it by how well
/// the page compresses (BREACH); all of them are good as long as the session.
#[derive(Clone, PartialEq, Eq)]
pub struct CsrfToken(String);

impl CsrfToken {
    /// The text that is to come back.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A session's token.
    pub(in crate::session) fn fresh() -> Result<Token, SessionError> {
        random().map(Token)
    }

    /// A session's token under a mask of its own.
    pub(in crate::session) fn masked(token: Token) -> Result<Self, SessionError> {
        let mask = random()?;
        let mut both = [0; 2 * LENGTH];
        let (first, second) = both.split_at_mut(LENGTH);
        first.copy_from_slice(&mask);
        second.copy_from_slice(&xor(token.0, mask));
        Ok(Self(URL_SAFE_NO_PAD.encode(both)))
    }

    /// Whether this text is one of the token's.
    pub(in crate::session) fn is_one_of(text: &[u8], token: Token) -> bool {
        let mut both = [0; 2 * LENGTH];
        // What is longer does not fit, and would panic.
        if text.len() != LETTERS {
            return false;
        }
        if URL_SAFE_NO_PAD.decode_slice_unchecked(text, &mut both) != Ok(both.len()) {
            return false;
        }
        let (mut mask, mut masked) = ([0; LENGTH], [0; LENGTH]);
        mask.copy_from_slice(&both[..LENGTH]);
        masked.copy_from_slice(&both[LENGTH..]);
        // All of it is looked at, however early it differs.
        let found = xor(mask, masked);
        let differs = found
            .iter()
            .zip(token.0)
            .fold(0, |all, (a, b)| all | (a ^ b));
        std::hint::black_box(differs) == 0
    }
}

fn random() -> Result<[u8; LENGTH], SessionError> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

fn xor(a: [u8; LENGTH], b: [u8; LENGTH]) -> [u8; LENGTH] {
    std::array::from_fn(|at| a[at] ^ b[at])
}

impl fmt::Display for CsrfToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CsrfToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CsrfToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mask_hides_the_same_token() {
        let token = CsrfToken::fresh().unwrap();
        let (one, other) = (
            CsrfToken::masked(token).unwrap(),
            CsrfToken::masked(token).unwrap(),
        );
        assert_ne!(one, other);
        for text in [one, other] {
            assert!(CsrfToken::is_one_of(text.as_str().as_bytes(), token));
            assert!(!CsrfToken::is_one_of(
                text.as_str().as_bytes(),
                CsrfToken::fresh().unwrap()
            ));
        }
    }

    #[test]
    fn what_is_no_token_is_none_of_them() {
        let token = CsrfToken::fresh().unwrap();
        let good = CsrfToken::masked(token).unwrap().0;
        let mut changed = good.clone().into_bytes();
        changed[0] = if changed[0] == b'A' { b'B' } else { b'A' };
        for text in [
            b"".as_slice(),
            b"x",
            &[b'A'; 100],
            &good.as_bytes()[1..],
            &changed,
            &[b'='; 43],
        ] {
            assert!(!CsrfToken::is_one_of(text, token), "{text:?}");
        }
    }
}
