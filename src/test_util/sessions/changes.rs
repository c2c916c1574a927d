//! Changes, and ends.

use super::{
    Case, LIFE, Outcome, ROUNDS, Subject, TASKS, case, demand, new_key, new_user, of, with,
};
use crate::session::{SessionKey, SessionStore, Swapped, sample::SampleRecord};

pub(super) fn cases<S: SessionStore>() -> Vec<Case<S>> {
    vec![
        case(
            "`swap` replaces the version that the caller has seen",
            replaces,
        ),
        case(
            "`swap` leaves another version as it is, and tells of it",
            leaves_another,
        ),
        case("`swap` creates nothing", creates_nothing),
        case(
            "`swap` without a record removes this version and no other",
            removes,
        ),
        case("a version never comes back", versions_are_new),
        case(
            "of changes to one version at the same time one succeeds",
            one_succeeds,
        ),
        case(
            "changes at the same time that are tried again are all kept",
            all_are_kept,
        ),
        case("nothing brings back what is removed", stays_removed),
        case(
            "what is removed at the same time as it is changed or touched is gone",
            is_gone,
        ),
        case(
            "`touch` leaves the version and the record as they are",
            touch_changes_nothing,
        ),
        case(
            "`touch` takes back no change that is made at the same time",
            touch_takes_nothing_back,
        ),
    ]
}

async fn replaces<S: SessionStore>(subject: Subject<S>) -> Outcome {
    let (key, created) = subject.create(with("first")).await?;
    subject.pass(LIFE).await;
    let record = with("second").record();
    let swapped = subject
        .change(&key, created.version, record.clone())
        .await?;
    demand!(
        *swapped.record == record.stamped(swapped.record.created()),
        "stored is {swapped:?}"
    );
    demand!(
        swapped.version != created.version,
        "its version is the same"
    );
    demand!(swapped.seen > created.seen, "it is no activity");
    let loaded = subject.loaded(&key).await?;
    demand!(loaded.record == swapped.record, "loaded is {loaded:?}");
    demand!(loaded.version == swapped.version, "loaded is {loaded:?}");
    Ok(())
}

async fn leaves_another<S: SessionStore>(subject: Subject<S>) -> Outcome {
    let (key, created) = subject.create(with("first")).await?;
    let second = subject
        .change(&key, created.version, with("second").record())
        .await?;
    subject.pass(LIFE).await;
    match subject
        .swap(&key, created.version, with("third").record())
        .await?
    {
        Swapped::Changed(found) => {
            demand!(found.version == second.version, "it tells of {found:?}");
            demand!(found.record == second.record, "it tells of {found:?}");
        }
        other => demand!(false, "it says {other:?}"),
    }
    let loaded = subject.loaded(&key).await?;
    demand!(loaded.record == second.record, "there is {loaded:?}");
    demand!(loaded.version == second.version, "there is {loaded:?}");
    demand!(loaded.seen == second.seen, "it is an activity");
    Ok(())
}

async fn creates_nothing<S: SessionStore>(subject: Subject<S>) -> Outcome {
    let (key, user) = (new_key(), new_user());
    for version in [0, 1] {
        let swapped = subject.swap(&key, version, of(&user).record()).await?;
        demand!(matches!(swapped, Swapped::Gone), "it says {swapped:?}");
        demand!(subject.load(&key).await?.is_none(), "it is there");
    }
    demand!(subject.keys_of(&user).await?.is_empty(), "it is listed");
    Ok(())
}

async fn removes<S: SessionStore>(subject: Subject<S>) -> Outcome {
    let (key, created) = subject.create(with("first")).await?;
    let second = subject
        .change(&key, created.version, with("second").record())
        .await?;
    let swapped = subject.swap(&key, created.version, None).await?;
    demand!(
        matches!(swapped, Swapped::Changed(_)),
        "an outdated one is {swapped:?}"
    );
    subject.loaded(&key).await?;
    let swapped = subject.swap(&key, second.version, None).await?;
    demand!(
        matches!(swapped, Swapped::Removed),
        "the one that is there is {swapped:?}"
    );
    demand!(subject.load(&key).await?.is_none(), "it is there");
    let swapped = subject.swap(&key, second.version, None).await?;
    demand!(
        matches!(swapped, Swapped::Gone),
        "what is gone is {swapped:?}"
    );
    Ok(())
}

async fn versions_are_new<S: SessionStore>(subject: Subject<S>) -> Outcome {
    let (key, created) = subject.create(with("first")).await?;
    let mut versions = vec![created.version];
    for name in ["second", "first"] {
        let last = versions[versions.len() - 1];
        versions.push(
            subject
                .change(&key, last, with(name).record())
                .await?
                .version,
        );
    }
    subject.store.remove(&key).await?;
    let again = subject.create_at(&key, with("first").record()).await?;
    versions.push(again.version);
    let changed = subject
        .change(&key, again.version, with("second").record())
        .await?;
    versions.push(changed.version);
    let count = versions.len();
    versions.sort_unstable();
    versions.dedup();
    demand!(versions.len() == count, "of {count} there are {versions:?}");
    let swapped = subject
        .swap(&key, created.version, with("late").record())
        .await?;
    demand!(
        matches!(swapped, Swapped::Changed(_)),
        "a change to its predecessor is {swapped:?}"
    );
    Ok(())
}

async fn one_succeeds<S: SessionStore>(subject: Subject<S>) -> Outcome {
    let (key, created) = subject.create(with("first")).await?;
    let change = move |subject: Subject<S>, number: usize| async move {
        let record = with(&number.to_string()).record();
        let swapped = subject.swap(&key, created.version, record).await?;
        Ok(match swapped {
            Swapped::Stored(loaded) => Some(loaded.record),
            _ => None,
        })
    };
    let changed = subject.together(TASKS, change).await?;
    let stored: Vec<_> = changed.into_iter().flatten().collect();
    demand!(stored.len() == 1, "{} do", stored.len());
    let loaded = subject.loaded(&key).await?;
    demand!(stored.contains(&loaded.record), "another one is there");
    Ok(())
}

/// Adds a value, as often as somebody else was faster.
async fn add<S: SessionStore>(subject: &Subject<S>, key: &SessionKey, name: &str) -> Outcome {
    let mut loaded = subject.loaded(key).await?;
    loop {
        tokio::task::yield_now().await;
        let sample = SampleRecord::from((*loaded.record).clone());
        let record = sample.value(name, "true").record();
        match subject.swap(key, loaded.version, record).await? {
            Swapped::Stored(_) => return Ok(()),
            Swapped::Changed(found) => loaded = found,
            other => demand!(false, "a change of what is there is {other:?}"),
        }
    }
}

async fn all_are_kept<S: SessionStore>(subject: Subject<S>) -> Outcome {
    let (key, _) = subject.create(with("first")).await?;
    let change = move |subject: Subject<S>, number: usize| async move {
        add(&subject, &key, &number.to_string()).await
    };
    subject.together(TASKS, change).await?;
    kept(&subject, &key, TASKS).await
}

/// Whether so many changes are there.
async fn kept<S: SessionStore>(subject: &Subject<S>, key: &SessionKey, count: usize) -> Outcome {
    let loaded = subject.loaded(key).await?;
    let has = |number: &usize| loaded.record.has_value(&number.to_string());
    let kept = (0..count).filter(has).count();
    demand!(kept == count, "{kept} of {count} are");
    Ok(())
}

async fn stays_removed<S: SessionStore>(subject: Subject<S>) -> Outcome {
    let user = new_user();
    let (key, created) = subject.create(of(&user)).await?;
    let removed = subject
        .store
        .remove(&key)
        .await?
        .map(|removed| removed.version);
    demand!(removed == Some(created.version), "removed is {removed:?}");
    for version in created.version..=created.version + 1 {
        let swapped = subject.swap(&key, version, of(&user).record()).await?;
        demand!(matches!(swapped, Swapped::Gone), "a change is {swapped:?}");
    }
    demand!(!subject.store.touch(&key).await?, "it can be touched");
    demand!(
        subject.store.remove(&key).await?.is_none(),
        "it can be removed again"
    );
    demand!(subject.load(&key).await?.is_none(), "it is there");
    demand!(subject.keys_of(&user).await?.is_empty(), "it is listed");
    Ok(())
}

async fn is_gone<S: SessionStore>(subject: Subject<S>) -> Outcome {
    let user = new_user();
    for round in 0..ROUNDS {
        let (key, created) = subject.create(of(&user)).await?;
        let (version, owner) = (created.version, user.clone());
        let act = move |subject: Subject<S>, number: usize| {
            let owner = owner.clone();
            async move {
                match (number + round) % 3 {
                    0 => drop(subject.store.remove(&key).await?),
                    1 => drop(subject.swap(&key, version, of(&owner).record()).await?),
                    _ => drop(subject.store.touch(&key).await?),
                }
                Ok(())
            }
        };
        subject.together(3, act).await?;
        demand!(subject.load(&key).await?.is_none(), "it is there");
        demand!(subject.keys_of(&user).await?.is_empty(), "it is listed");
    }
    Ok(())
}

async fn touch_changes_nothing<S: SessionStore>(subject: Subject<S>) -> Outcome {
    let (key, created) = subject.create(with("first")).await?;
    subject.pass(LIFE).await;
    demand!(
        subject.store.touch(&key).await?,
        "it says that there is nothing"
    );
    let loaded = subject.loaded(&key).await?;
    demand!(loaded.version == created.version, "it has another version");
    demand!(loaded.record == created.record, "it is {:?}", loaded.record);
    Ok(())
}

async fn touch_takes_nothing_back<S: SessionStore>(subject: Subject<S>) -> Outcome {
    let (key, _) = subject.create(with("first")).await?;
    let act = move |subject: Subject<S>, number: usize| async move {
        for round in 0..ROUNDS {
            // In between others may touch what they saw before the last change.
            tokio::task::yield_now().await;
            if number == 0 {
                add(&subject, &key, &round.to_string()).await?;
            } else {
                let touched = subject.store.touch(&key).await?;
                demand!(touched, "it says that there is nothing");
            }
        }
        Ok(())
    };
    subject.together(4, act).await?;
    kept(&subject, &key, ROUNDS).await
}
