//! Many requests that change one session at the same time.

use tower_keep::session::{CsrfToken, Session, SessionError};

const CLICKS: &str = "clicks";

/// What the page has of it. The script sends the token in a field of its requests.
const PART: &str = r#"<p>Clicks: <output id="clicks">COUNT</output>
<button type="button" data-clicks="1">Click</button>
<button type="button" data-clicks="20" id="many">20 at once</button></p>
<script>
const click = async () => {
  const answer = await fetch("/click", { method: "POST", headers: { "x-csrf-token": "TOKEN" } });
  if (!answer.ok) throw new Error(`click: ${answer.status}`);
  return Number(await answer.text());
};
const clicks = document.getElementById("clicks");
for (const button of document.querySelectorAll("[data-clicks]")) {
  button.onclick = async () => {
    const all = Array.from({ length: Number(button.dataset.clicks) }, click);
    try {
      clicks.value = Math.max(...await Promise.all(all));
    } catch (error) {
      clicks.value = error.message;
    }
  };
}
</script>
"#;

pub(crate) async fn part(session: &Session, token: &CsrfToken) -> Result<String, SessionError> {
    let count = session.get::<u64>(CLICKS).await?.unwrap_or_default();
    let part = PART.replace("COUNT", &count.to_string());
    Ok(part.replace("TOKEN", token.as_str()))
}

/// None is lost, however many come at once, and each is told another count: the closure is called again with what another
/// request has saved meanwhile.
pub(crate) async fn click(session: Session) -> Result<String, SessionError> {
    session
        .update(CLICKS, |clicks: &mut u64| *clicks += 1)
        .await?;
    // Until it is saved, this is what the count will be if nobody else clicks.
    session.commit().await?;
    let count = session.get::<u64>(CLICKS).await?.unwrap_or_default();
    Ok(format!("{count}\n"))
}
