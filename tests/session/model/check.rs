//! What has to be left.

use std::collections::BTreeMap;

use serde_json::Value;
use tower_keep::session::SessionStore;

use super::{
    case::{Case, Mode, Then},
    world::{World, name},
};
use crate::script::{ask, cookie};

/// A session's values, as the store keeps them.
type Values = BTreeMap<String, String>;

impl World {
    pub(super) async fn check(&self, case: &Case) -> Result<(), String> {
        let sessions = self.sessions().await;
        match self.mode {
            Mode::Merging => self.nothing_is_lost(case, &sessions)?,
            Mode::Ending if self.ended => self.nothing_is_revived(case, &sessions).await?,
            Mode::Ending => {}
            Mode::LoggingIn if sessions.len() > 3 => {
                return Err(format!("the user has {} sessions", sessions.len()));
            }
            Mode::LoggingIn => {}
        }
        for values in &sessions {
            counts_what_it_has(case, values)?;
        }
        self.no_id_but_one_for_each(sessions.len()).await
    }

    async fn sessions(&self) -> Vec<Values> {
        let sessions = self.memory.sessions_of(&"u1".into()).await.unwrap();
        let values = sessions.iter().map(|(_, loaded)| {
            let record = serde_json::to_value(&*loaded.record).expect("it can be written");
            let pairs: Vec<(String, String)> =
                serde_json::from_value(record["values"].clone()).expect("names and texts");
            pairs.into_iter().collect()
        });
        values.collect()
    }

    fn nothing_is_lost(&self, case: &Case, sessions: &[Values]) -> Result<(), String> {
        let new_ids = case.requests.iter().flatten();
        let new_ids = new_ids
            .filter(|part| matches!(part.then, Then::Rotate | Then::RotateAndCommit))
            .count();
        // One whose making failed, with a session under it that nobody was told of, may be left of each.
        let most = if case.fails() { 1 + new_ids } else { 1 };
        if sessions.is_empty() || sessions.len() > most {
            return Err(format!("{} sessions are left", sessions.len()));
        }
        for (number, status) in &self.answered {
            for part in 0..case.requests[*number].len() {
                let name = name(*number, part);
                let is_there = sessions.iter().any(|values| values.contains_key(&name));
                if status.is_success() && !is_there {
                    return Err(format!("{name} is lost, and the answer was {status}"));
                }
            }
        }
        Ok(())
    }

    /// A session that somebody was told had ended is not there; one that the store could not be made to forget has an
    /// id that nobody was told.
    async fn nothing_is_revived(&self, case: &Case, sessions: &[Values]) -> Result<(), String> {
        if !case.fails() && !sessions.is_empty() {
            return Err(format!("{} sessions are there again", sessions.len()));
        }
        let rotates = |then| matches!(then, Then::Rotate | Then::RotateAndCommit);
        let mut parts = case.requests.iter().flatten();
        if case.fails() && parts.any(|part| rotates(part.then)) {
            // Whose new id failed halfway may have two, one of which was ended.
            return Ok(());
        }
        for id in &self.ids {
            let answer = ask(&self.app, "/user", &[("cookie", &cookie(id))]).await;
            if answer.text != "-" {
                return Err(format!("an id leads to {} again", answer.text));
            }
        }
        Ok(())
    }

    async fn no_id_but_one_for_each(&self, sessions: usize) -> Result<(), String> {
        let mut ids = self.ids.clone();
        ids.sort();
        ids.dedup();
        let mut leading = 0;
        for id in &ids {
            let answer = ask(&self.app, "/user", &[("cookie", &cookie(id))]).await;
            leading += usize::from(answer.text == "u1");
        }
        match leading <= sessions {
            true => Ok(()),
            false => Err(format!("{leading} ids lead to {sessions} sessions")),
        }
    }
}

/// The count is that of the parts whose values are there: no change is made twice, none alone.
fn counts_what_it_has(case: &Case, values: &Values) -> Result<(), String> {
    let mut expected = 0;
    for (number, parts) in case.requests.iter().enumerate() {
        for (at, part) in parts.iter().enumerate() {
            if values.contains_key(&name(number, at)) {
                expected += part.adds;
            }
        }
    }
    let count = values.get("n").map_or("0", String::as_str);
    match count.parse::<Value>().expect("JSON") == expected {
        true => Ok(()),
        false => Err(format!(
            "the count is {count} and should be {expected}: {values:?}"
        )),
    }
}
