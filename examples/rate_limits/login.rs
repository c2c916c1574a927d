//! Failed logins: by address, by account, and by both.
//!
//! By both, a guesser has five tries; by account, many addresses together have twenty at one account; by address, one
//! has fifty at many accounts. The limit by account is the one that others can use up: whoever knows the name keeps
//! its owner out for as long as they go on. That is why it is not the tightest, and why a real application lets those
//! in by another way who have been in before (a device that it knows, a mail).

use std::{sync::Arc, time::Duration};

use axum::{
    Extension,
    body::{self, Body, Bytes},
    extract::Request,
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::time;
use tower_keep::{
    ClientIp, RateLimitLayer, minutes,
    rate_limit::{
        self, InvalidLimit, KeyWriter, Limit, LimitKey, RequestHead, ResponseHead, WithoutKey,
    },
};

/// The form is read before any limit decides, so this is what everybody can make the server hold, and for how long.
const LARGEST_FORM: usize = 4 << 10;
const LONGEST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_NAME: usize = 128;

/// The subjects are asked in this order; what one has charged is given back if a later one refuses.
pub(crate) fn layer(client: &ClientIp) -> Result<RateLimitLayer, InvalidLimit> {
    let failures = |most, name| Limit::sliding_log(most).per(minutes(15)).name(name).build();
    let by_account = rate_limit::from_fn(account);
    Ok(RateLimitLayer::new(failures(5, "both")?)
        .key((client.clone(), by_account))
        .without_key(WithoutKey::Refuse)
        .count_only(failed)
        .and(failures(20, "account")?)
        .key(by_account)
        .without_key(WithoutKey::Refuse)
        .count_only(failed)
        .and(failures(50, "address")?)
        .key(client.clone())
        .count_only(failed))
}

/// Attempts are charged before the password is looked at, or a hundred guesses at the same time would all be let
/// through; those that succeed are refunded.
fn failed(response: &ResponseHead<'_>) -> bool {
    response.status() == StatusCode::UNAUTHORIZED
}

/// The name of an account as it is looked up. It is nobody's business: the limits keep a fingerprint of it, and so do
/// their statistics.
#[derive(Clone)]
pub(crate) struct Account(Arc<str>);

impl Account {
    /// `Ada`, `ADA` and ` ada ` have to be one key exactly if they are one account: this has to be what the database
    /// does, which may fold more (`ß` and `ss`, composed and decomposed accents).
    fn new(name: &str) -> Option<Self> {
        let name = name.trim();
        // Before it is folded: that takes work, and can make it longer.
        if name.is_empty() || name.len() > LONGEST_NAME {
            return None;
        }
        Some(Self(name.to_lowercase().into()))
    }
}

impl LimitKey for Account {
    fn write(&self, key: &mut KeyWriter<'_>) {
        key.secret(self.0.as_bytes());
    }
}

fn account(head: &RequestHead<'_>) -> Option<Account> {
    head.extensions().get().cloned()
}

/// Reads the form, for the limits and for the handler.
pub(crate) async fn find_account(request: Request, next: Next) -> Response {
    let (mut head, body) = request.into_parts();
    let form = match time::timeout(LONGEST_WAIT, body::to_bytes(body, LARGEST_FORM)).await {
        Ok(Ok(form)) => form,
        Ok(Err(_)) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    // Without one, the limits refuse with 400.
    if let Some(account) = field(&form, "account").and_then(|name| Account::new(&name)) {
        head.extensions.insert(account);
    }
    next.run(Request::from_parts(head, Body::from(form))).await
}

fn field(form: &[u8], name: &str) -> Option<String> {
    let mut fields = form_urlencoded::parse(form);
    fields
        .find(|(found, _)| found == name)
        .map(|(_, value)| value.into_owned())
}

/// An account that does not exist is answered as a wrong password is, and limited as one.
pub(crate) async fn login(
    Extension(account): Extension<Account>,
    form: Bytes,
) -> (StatusCode, String) {
    let password = field(&form, "password");
    let is_right = *account.0 == *"ada" && password.as_deref() == Some("correct horse");
    if is_right {
        (StatusCode::OK, format!("Hello, {}\n", account.0))
    } else {
        (
            StatusCode::UNAUTHORIZED,
            "wrong account or password\n".to_owned(),
        )
    }
}
