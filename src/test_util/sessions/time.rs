//! Activity, and what is over.

use std::{num::NonZeroU32, time::Duration};

use super::{Case, LIFE, Outcome, Subject, case, demand, new_key, new_user, of, with};
use crate::session::{Admission, Created, SessionKey, SessionStore, Swapped, sample::SampleRecord};

pub(super) fn cases<S: SessionStore>() -> Vec<Case<S>> {
    vec![
        case("`load` is no activity", load_is_none),
        case("`touch` is an activity", touch_is_one),
        case(
            "a session is over when it was not active for its time, and not before",
            idle,
        ),
        case(
            "a session is over when it has lived for its time, whatever its activity",
            absolute,
        ),
        case("a change says anew how long a session lives", lives_anew),
        case("what is over is as if it had been removed", as_if_removed),
        case("what is over does not count for the cap", does_not_count),
        case(
            "`expired` tells of what is over, once, and of nothing else",
            told_once,
        ),
    ]
}

async fn load_is_none<S: SessionStore>(subject: Subject<S>) -> Outcome {
    let (key, created) = subject.create(with("first")).await?;
    subject.pass(LIFE).await;
    for _ in 0..2 {
        drop(subject.store.load_now(&key));
        let loaded = subject.loaded(&key).await?;
        demand!(
            loaded.seen == created.seen,
            "{:?}, then {:?}",
            created.seen,
            loaded.seen
        );
    }
    Ok(())
}

async fn touch_is_one<S: SessionStore>(subject: Subject<S>) -> Outcome {
    let (key, created) = subject.create(with("first")).await?;
    subject.pass(LIFE).await;
    subject.store.touch(&key).await?;
    let loaded = subject.loaded(&key).await?;
    demand!(
        loaded.seen > created.seen,
        "{:?}, then {:?}",
        created.seen,
        loaded.seen
    );
    demand!(
        loaded.seen <= loaded.now,
        "it will be active at {:?}",
        loaded.seen
    );
    Ok(())
}

/// Whether a session is there, which must be so exactly when it is not over.
async fn lives<S: SessionStore>(subject: &Subject<S>, key: &SessionKey) -> Outcome<bool> {
    let Some(loaded) = subject.load(key).await? else {
        return Ok(false);
    };
    if let Some(ends) = loaded.record.ends(loaded.seen) {
        demand!(
            loaded.now < ends,
            "given out at {:?}, over at {ends:?}",
            loaded.now
        );
    }
    Ok(true)
}

/// Lets time pass until a session is over, and finds that so.
async fn ends<S: SessionStore>(subject: &Subject<S>, key: &SessionKey, after: Duration) -> Outcome {
    let loaded = subject.loaded(key).await?;
    let end = loaded.seen + after;
    if !lives(subject, key).await? {
        let now = subject.now().await?;
        demand!(now >= end, "gone at {now:?}, over at {end:?}");
    }
    subject.pass(end.since(loaded.now)).await;
    let now = subject.now().await?;
    demand!(now >= end, "less time has passed than should");
    demand!(
        !lives(subject, key).await?,
        "there at {now:?}, over at {end:?}"
    );
    Ok(())
}

async fn idle<S: SessionStore>(subject: Subject<S>) -> Outcome {
    let (key, created) = subject.create(SampleRecord::new().idle(LIFE)).await?;
    subject.pass(LIFE / 2).await;
    let touched = subject.store.touch(&key).await?;
    let now = subject.now().await?;
    demand!(touched || now >= created.seen + LIFE, "gone at {now:?}");
    if touched {
        ends(&subject, &key, LIFE).await?;
    }
    let (key, _) = subject.create(SampleRecord::new().idle(LIFE)).await?;
    ends(&subject, &key, LIFE).await
}

async fn absolute<S: SessionStore>(subject: Subject<S>) -> Outcome {
    let (key, created) = subject.create(SampleRecord::new().absolute(LIFE)).await?;
    subject.pass(LIFE / 2).await;
    let touched = subject.store.touch(&key).await?;
    let now = subject.now().await?;
    demand!(touched || now >= created.now + LIFE, "gone at {now:?}");
    subject.pass((created.now + LIFE).since(now)).await;
    demand!(
        !lives(&subject, &key).await?,
        "there {LIFE:?} after its creation"
    );
    Ok(())
}

async fn lives_anew<S: SessionStore>(subject: Subject<S>) -> Outcome {
    let brief = || SampleRecord::new().idle(LIFE);
    let (longer, created) = subject.create(brief()).await?;
    let swapped = subject
        .swap(&longer, created.version, with("a").record())
        .await?;
    let is_longer = matches!(swapped, Swapped::Stored(_));
    let (shorter, created) = subject.create(with("a")).await?;
    subject
        .change(&shorter, created.version, brief().record())
        .await?;
    subject.pass(LIFE).await;
    demand!(
        subject.load(&longer).await?.is_some() || !is_longer,
        "it ends as before"
    );
    demand!(!lives(&subject, &shorter).await?, "it lives on as before");
    Ok(())
}

async fn as_if_removed<S: SessionStore>(subject: Subject<S>) -> Outcome {
    let user = new_user();
    let brief = || of(&user).idle(LIFE);
    let (loaded, _) = subject.create(brief()).await?;
    let (touched, _) = subject.create(brief()).await?;
    let (swapped, version) = subject.create(brief()).await?;
    let (removed, _) = subject.create(brief()).await?;
    let (created, _) = subject.create(brief()).await?;
    subject.pass(LIFE).await;
    demand!(subject.keys_of(&user).await?.is_empty(), "it is listed");
    demand!(subject.load(&loaded).await?.is_none(), "it is loaded");
    if let Some(now) = subject.store.load_now(&loaded) {
        demand!(now?.is_none(), "it is loaded at once");
    }
    demand!(!subject.store.touch(&touched).await?, "it is touched");
    let swapped = subject
        .swap(&swapped, version.version, brief().record())
        .await?;
    demand!(matches!(swapped, Swapped::Gone), "a change is {swapped:?}");
    demand!(
        subject.store.remove(&removed).await?.is_none(),
        "it is removed"
    );
    subject.create_at(&created, of(&user).record()).await?;
    demand!(
        subject.keys_of(&user).await? == [created],
        "its successor is not listed alone"
    );
    Ok(())
}

async fn does_not_count<S: SessionStore>(subject: Subject<S>) -> Outcome {
    let user = new_user();
    subject.create(of(&user).idle(LIFE)).await?;
    subject.pass(LIFE).await;
    let one = Admission {
        cap: Some(NonZeroU32::MIN),
        instead_of: None,
    };
    let created = subject
        .store
        .create(&new_key(), of(&user).record(), &one)
        .await?;
    demand!(
        matches!(created, Created::Stored(_)),
        "another one is {created:?}"
    );
    Ok(())
}

async fn told_once<S: SessionStore>(subject: Subject<S>) -> Outcome {
    let mut over = Vec::new();
    for _ in 0..5 {
        over.push(subject.create(SampleRecord::new().idle(LIFE)).await?.0);
    }
    let (lives, _) = subject.create(with("a")).await?;
    subject.pass(LIFE).await;
    let mut told = Vec::new();
    loop {
        let more = subject.store.expired(2).await?;
        demand!(more.len() <= 2, "{} where 2 are asked for", more.len());
        if more.is_empty() {
            break;
        }
        let repeated = more.iter().find(|(key, _)| told.contains(key));
        demand!(repeated.is_none(), "twice of {repeated:?}");
        told.extend(more.into_iter().map(|(key, _)| key));
    }
    demand!(!told.contains(&lives), "it tells of one that lives");
    let of_these = over.iter().filter(|key| told.contains(key)).count();
    demand!(
        of_these == 0 || of_these == over.len(),
        "it tells of {of_these} of {}",
        over.len()
    );
    subject.loaded(&lives).await?;
    Ok(())
}
