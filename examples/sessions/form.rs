//! Forms with a token, which another site does not know.

use std::{collections::HashMap, fmt};

use axum::{
    Form,
    extract::{FromRequest, Request},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use tower_keep::session::{CsrfToken, Session, SessionError};

use crate::page::page;

const TOKEN: &str = "csrf";

/// A form with a button, and what is in front of the button, which is HTML.
pub(crate) struct PostForm<'a> {
    pub(crate) action: &'static str,
    pub(crate) token: &'a CsrfToken,
    pub(crate) inputs: &'a str,
    pub(crate) button: &'static str,
}

impl fmt::Display for PostForm<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            action,
            token,
            inputs,
            button,
        } = self;
        writeln!(
            f,
            r#"<form method="post" action="{action}"><input type="hidden" name="{TOKEN}" value="{token}">{inputs} <button>{button}</button></form>"#
        )
    }
}

/// What was sent by a [`PostForm`] of the same session. No handler gets anything else, so that none can forget to look at
/// the token.
pub(crate) struct Fields(HashMap<String, String>);

impl Fields {
    /// What is in the input of this name, without the spaces around it.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |value| value.trim())
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let session = Session::of(request.extensions());
        let form = Form::from_request(request, state).await;
        let Form(fields) = form.map_err(IntoResponse::into_response)?;
        let fields = Self(fields);
        match fields.are_ours(session).await {
            Ok(true) => Ok(fields),
            Ok(false) => Err(too_old()),
            Err(error) => Err(error.into_response()),
        }
    }
}

impl Fields {
    async fn are_ours(&self, session: Option<Session>) -> Result<bool, SessionError> {
        match session {
            Some(session) => session.verify_csrf_token(self.get(TOKEN)).await,
            None => Ok(false),
        }
    }
}

/// Most often nobody attacks: the session has ended since the page was opened.
fn too_old() -> Response {
    let body = "<p>This page is too old. <a href=\"/\">Begin again</a></p>\n";
    (StatusCode::FORBIDDEN, page("Not done", body)).into_response()
}
