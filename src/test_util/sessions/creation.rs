//! New sessions.

use super::{Case, Outcome, Subject, TASKS, case, demand, new_key, new_user, of, with};
use crate::session::{Created, SessionStore, Timestamp, sample::SampleRecord};

pub(super) fn cases<S: SessionStore>() -> Vec<Case<S>> {
    vec![
        case(
            "what is created is kept as it is, stamped, active now",
            keeps,
        ),
        case("`load_now` says what `load` says, or nothing", loads_now),
        case("what nobody has created is not there", nothing),
        case("`create` replaces nothing", replaces_nothing),
        case(
            "of creations under one key at the same time one succeeds",
            one_succeeds,
        ),
    ]
}

async fn keeps<S: SessionStore>(subject: Subject<S>) -> Outcome {
    let user = new_user();
    let sample = of(&user).value("a", "[1]").value("b", "\"ü\"");
    let record = sample
        .idle(super::LIFE * 1000)
        .absolute(super::LIFE * 9000)
        .record();
    let key = new_key();
    let created = subject.create_at(&key, record.clone()).await?;
    demand!(
        created.seen == created.now,
        "seen {:?} at {:?}",
        created.seen,
        created.now
    );
    let stamped = record.stamped(created.record.created());
    demand!(
        stamped.created() > Timestamp::default(),
        "it has no time of creation"
    );
    demand!(
        stamped.created() <= created.now,
        "it is created in the future"
    );
    demand!(*created.record == stamped, "stored is {:?}", created.record);
    let loaded = subject.loaded(&key).await?;
    demand!(*loaded.record == stamped, "loaded is {:?}", loaded.record);
    demand!(loaded.version == created.version, "it has another version");
    demand!(
        loaded.seen == created.seen,
        "it was active at {:?}",
        loaded.seen
    );
    demand!(loaded.now >= created.now, "time goes backwards");
    Ok(())
}

async fn loads_now<S: SessionStore>(subject: Subject<S>) -> Outcome {
    let (key, created) = subject.create(with("a")).await?;
    if let Some(now) = subject.store.load_now(&key) {
        let version = now?.map(|loaded| loaded.version);
        demand!(version == Some(created.version), "it is {version:?}");
    }
    if let Some(now) = subject.store.load_now(&new_key()) {
        demand!(now?.is_none(), "it finds what is not there");
    }
    Ok(())
}

async fn nothing<S: SessionStore>(subject: Subject<S>) -> Outcome {
    demand!(
        subject.load(&new_key()).await?.is_none(),
        "it can be loaded"
    );
    demand!(!subject.store.touch(&new_key()).await?, "it can be touched");
    let removed = subject.store.remove(&new_key()).await?;
    demand!(removed.is_none(), "it can be removed");
    demand!(
        subject.keys_of(&new_user()).await?.is_empty(),
        "somebody has it"
    );
    Ok(())
}

async fn replaces_nothing<S: SessionStore>(subject: Subject<S>) -> Outcome {
    let (key, created) = subject.create(with("first")).await?;
    let user = new_user();
    let again = subject.try_create(&key, of(&user).record()).await?;
    demand!(matches!(again, Created::Taken), "it says {again:?}");
    let loaded = subject.loaded(&key).await?;
    demand!(loaded.record == created.record, "another one is there");
    demand!(
        loaded.version == created.version,
        "another version is there"
    );
    demand!(subject.keys_of(&user).await?.is_empty(), "it is listed");
    Ok(())
}

async fn one_succeeds<S: SessionStore>(subject: Subject<S>) -> Outcome {
    let key = new_key();
    let create = move |subject: Subject<S>, number: usize| async move {
        let record = SampleRecord::new().value("number", &number.to_string());
        let created = subject.try_create(&key, record.record()).await?;
        Ok(match created {
            Created::Stored(loaded) => Some(loaded.record),
            _ => None,
        })
    };
    let created = subject.together(TASKS, create).await?;
    let stored: Vec<_> = created.into_iter().flatten().collect();
    demand!(stored.len() == 1, "{} do", stored.len());
    let loaded = subject.loaded(&key).await?;
    demand!(stored.contains(&loaded.record), "another one is there");
    Ok(())
}
