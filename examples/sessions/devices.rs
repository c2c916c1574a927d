//! Where a user is logged in, and how to end that.

use std::{net::IpAddr, time::SystemTime};

use axum::{
    extract::{FromRequestParts, State},
    http::{StatusCode, request::Parts},
    response::{Html, IntoResponse, Redirect, Response},
};
use tower_keep::session::{
    CsrfToken, Devices, Session, SessionError, SessionHandle, SessionInfo, Timestamp, UserId,
};

use crate::{
    form::{Fields, PostForm},
    page::{self, Escaped},
};

/// Who asks, and from which session.
pub(crate) struct Asker {
    user: UserId,
    device: SessionHandle,
}

impl<S: Send + Sync> FromRequestParts<S> for Asker {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let session: Session = Session::from_request_parts(parts, state)
            .await
            .map_err(IntoResponse::into_response)?;
        let info = session.info().await.map_err(IntoResponse::into_response)?;
        // That somebody is logged in is known here: `RequireSession` stands in front.
        let (user, device) = info
            .and_then(|info| Some((info.user?, info.handle)))
            .ok_or_else(|| StatusCode::UNAUTHORIZED.into_response())?;
        Ok(Self { user, device })
    }
}

pub(crate) async fn page(
    State(devices): State<Devices>,
    asker: Asker,
    session: Session,
) -> Result<Html<String>, SessionError> {
    let token = session.csrf_token().await?;
    let now = SystemTime::now().into();
    let mut rows = String::new();
    for device in devices.of(&asker.user).await? {
        let ends = match device.handle == asker.device {
            true => "this one".to_owned(),
            false => end_button(&device, &token),
        };
        rows.push_str(&row(&device, now, &ends));
    }
    let others = PostForm {
        action: "/devices/end-others",
        token: &token,
        inputs: "",
        button: "End all but this one",
    };
    let body = format!(
        "<table id=\"devices\">\n<tr><th>Session<th>Device<th>Address<th>Browser<th>Logged in<th>Last seen<th>\n\
         {rows}</table>\n{others}<p><a href=\"/\">Back</a></p>\n"
    );
    Ok(page::page("Devices", &body))
}

/// What one user's page names is that user's: the handle of somebody else's session ends nothing.
pub(crate) async fn end(
    State(devices): State<Devices>,
    asker: Asker,
    fields: Fields,
) -> Result<Response, SessionError> {
    let Ok(device) = fields.get("device").parse() else {
        return Ok(StatusCode::BAD_REQUEST.into_response());
    };
    devices.end(&asker.user, device).await?;
    Ok(Redirect::to("/devices").into_response())
}

pub(crate) async fn end_others(
    State(devices): State<Devices>,
    asker: Asker,
    _: Fields,
) -> Result<Redirect, SessionError> {
    devices.end_all_but(&asker.user, asker.device).await?;
    Ok(Redirect::to("/devices"))
}

/// The others first: if that fails, the user is still here to try again.
pub(crate) async fn logout_everywhere(
    State(devices): State<Devices>,
    asker: Asker,
    session: Session,
    _: Fields,
) -> Result<Redirect, SessionError> {
    devices.end_all_but(&asker.user, asker.device).await?;
    session.destroy().await?;
    Ok(Redirect::to("/"))
}

fn row(session: &SessionInfo, now: Timestamp, ends: &str) -> String {
    let device = &session.device;
    format!(
        "<tr><td>{handle}<td>{label}<td>{ip}<td>{agent}<td>{created}<td>{seen}<td>{ends}\n",
        handle = session.handle,
        label = Escaped(device.label().unwrap_or("unnamed")),
        ip = device
            .ip()
            .as_ref()
            .map_or_else(String::new, IpAddr::to_string),
        agent = Escaped(device.user_agent().unwrap_or_default()),
        created = ago(now, session.created),
        seen = ago(now, session.seen),
    )
}

fn end_button(session: &SessionInfo, token: &CsrfToken) -> String {
    let device = format!(
        r#"<input type="hidden" name="device" value="{}">"#,
        session.handle
    );
    let form = PostForm {
        action: "/devices/end",
        token,
        inputs: &device,
        button: "End",
    };
    form.to_string()
}

/// Roughly, for people.
fn ago(now: Timestamp, then: Timestamp) -> String {
    match now.since(then).as_secs() {
        0..60 => "just now".to_owned(),
        seconds @ 60..7200 => format!("{} minutes ago", seconds / 60),
        seconds => format!("{} hours ago", seconds / 3600),
    }
}
