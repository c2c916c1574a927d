//! Logging in and out.

use axum::{
    http::StatusCode,
    response::{Html, IntoResponse, Redirect, Response},
};
use tower_keep::session::{CsrfToken, Session, SessionError};

use crate::{
    counter,
    form::{Fields, PostForm},
    page::{self, Escaped},
};

/// The same for everybody. A real application keeps a slow hash of each user's own, and limits how often somebody may
/// guess: see the example `rate_limits`.
pub(crate) const PASSWORD: &str = "open sesame";
const LONGEST_NAME: usize = 64;
const NOTICE: &str = "notice";

/// Visitors get no session from looking at this.
pub(crate) async fn home(session: Session) -> Result<Html<String>, SessionError> {
    let Some(user) = session.user().await? else {
        let body = "<p>Nobody is logged in here. <a href=\"/login\">Log in</a></p>\n";
        return Ok(page::page("Sessions", body));
    };
    let token = session.csrf_token().await?;
    let notice: Option<String> = session.take_flash(NOTICE).await?;
    let notice = notice.map(|text| format!("<p id=\"notice\">{}</p>\n", Escaped(&text)));
    let body = format!(
        "{notice}<p>Logged in as <b id=\"user\">{user}</b>. <a href=\"/devices\">Devices</a></p>\n\
         {counter}{logout}{everywhere}",
        notice = notice.unwrap_or_default(),
        user = Escaped(user.name()),
        counter = counter::part(&session, &token).await?,
        logout = button("/logout", "Log out", &token),
        everywhere = button("/logout-everywhere", "Log out everywhere", &token),
    );
    Ok(page::page("Sessions", &body))
}

/// The token begins a session, though nobody is logged in yet: without one, another site could log a visitor in, as
/// somebody whose password it knows.
pub(crate) async fn page(session: Session) -> Result<Html<String>, SessionError> {
    Ok(login_page(&session.csrf_token().await?, ""))
}

pub(crate) async fn login(session: Session, fields: Fields) -> Result<Response, SessionError> {
    let (user, device) = (fields.get("user"), fields.get("device"));
    let is_user = !user.is_empty() && user.len().max(device.len()) <= LONGEST_NAME;
    if !is_user || fields.get("password") != PASSWORD {
        let why = "<p>No such user, or not their password.</p>\n";
        let again = login_page(&session.csrf_token().await?, why);
        return Ok((StatusCode::FORBIDDEN, again).into_response());
    }
    // From the response on the id is another one: who has planted the old one finds nothing.
    session.login(user).await?;
    session
        .label(Some(device).filter(|name| !name.is_empty()))
        .await?;
    session.persist(fields.get("remember") == "yes").await?;
    session.flash(NOTICE, &format!("Welcome, {user}")).await?;
    Ok(Redirect::to("/").into_response())
}

pub(crate) async fn logout(session: Session, _: Fields) -> Result<Redirect, SessionError> {
    session.destroy().await?;
    Ok(Redirect::to("/"))
}

fn login_page(token: &CsrfToken, why: &str) -> Html<String> {
    let form = PostForm {
        action: "/login",
        token,
        inputs: r#"
<p><label>Name <input name="user" maxlength="64" autocomplete="username" required></label>
<p><label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<p><label>This device is called <input name="device" maxlength="64"></label>
<p><label><input name="remember" type="checkbox" value="yes"> Stay logged in when the browser is closed</label>
<p>"#,
        button: "Log in",
    };
    page::page("Log in", &format!("{why}{form}"))
}

fn button<'a>(action: &'static str, button: &'static str, token: &'a CsrfToken) -> PostForm<'a> {
    PostForm {
        action,
        token,
        inputs: "",
        button,
    }
}
