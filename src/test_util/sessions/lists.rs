//! The sessions of a user.

use super::{
    Case, How, Outcome, ROUNDS, Subject, case, demand, new_key, new_name, new_user, of, with,
};
use crate::session::{SessionStore, UserId};

pub(super) fn cases<S: SessionStore>() -> Vec<Case<S>> {
    vec![
        case(
            "a user's sessions are found, all of them and no others",
            all_and_no_others,
        ),
        case(
            "a session is in the list of its user alone, after changes too",
            moves,
        ),
        case(
            "a session is listed before it can be loaded",
            listed_before_loaded,
        ),
        case(
            "a session that is changed or touched meanwhile is in the list",
            always_listed,
        ),
    ]
}

async fn all_and_no_others<S: SessionStore>(subject: Subject<S>) -> Outcome {
    let (name, tenant) = (new_name(), new_name());
    let alone = UserId::new(name.clone());
    let users = [
        alone.clone(),
        alone.clone().in_tenant(tenant.clone()),
        alone.clone().in_tenant(new_name()),
        UserId::new(name + "1"),
        UserId::new(tenant),
    ];
    for user in &users {
        let mut keys = Vec::new();
        for number in 0..3 {
            let record = of(user).value("number", &number.to_string());
            keys.push(subject.create(record).await?);
        }
        for (key, loaded) in subject.store.sessions_of(user).await? {
            let known = keys.iter().find(|(known, _)| *known == key);
            let Some((_, created)) = known else {
                return Err(How(format!("{user:?} has a session of somebody else's")));
            };
            demand!(loaded.record == created.record, "listed is {loaded:?}");
            demand!(loaded.version == created.version, "listed is {loaded:?}");
            demand!(loaded.seen == created.seen, "listed is {loaded:?}");
        }
        demand!(
            subject.keys_of(user).await?.len() == 3,
            "of {user:?} not all"
        );
    }
    Ok(())
}

async fn moves<S: SessionStore>(subject: Subject<S>) -> Outcome {
    let (one, other) = (new_user(), new_user());
    let (key, created) = subject.create(with("nobody's")).await?;
    let mut version = created.version;
    for user in [Some(&one), Some(&other), Some(&other), None, Some(&one)] {
        let record = user.map_or_else(|| with("nobody's"), of).record();
        version = subject.change(&key, version, record).await?.version;
        for of in [&one, &other] {
            let listed = subject.keys_of(of).await?.contains(&key);
            demand!(
                listed == (user == Some(of)),
                "{of:?} has what is {user:?}'s: {listed}"
            );
        }
    }
    subject.store.remove(&key).await?;
    demand!(
        subject.keys_of(&one).await?.is_empty(),
        "it is listed when it is gone"
    );
    Ok(())
}

async fn listed_before_loaded<S: SessionStore>(subject: Subject<S>) -> Outcome {
    for _ in 0..ROUNDS {
        let (key, user) = (new_key(), new_user());
        let act = move |subject: Subject<S>, number: usize| {
            let user = user.clone();
            async move {
                if number == 0 {
                    subject.create_at(&key, of(&user).record()).await?;
                    return Ok(());
                }
                while subject.load(&key).await?.is_none() {
                    tokio::task::yield_now().await;
                }
                demand!(
                    subject.keys_of(&user).await? == [key],
                    "it is loaded and not listed"
                );
                Ok(())
            }
        };
        subject.together(3, act).await?;
    }
    Ok(())
}

async fn always_listed<S: SessionStore>(subject: Subject<S>) -> Outcome {
    let user = new_user();
    let (key, created) = subject.create(of(&user)).await?;
    let act = move |subject: Subject<S>, number: usize| {
        let (user, mut version) = (user.clone(), created.version);
        async move {
            for _ in 0..ROUNDS {
                match number {
                    0 => {
                        let record = of(&user).record();
                        version = subject.change(&key, version, record).await?.version;
                    }
                    1 => demand!(subject.store.touch(&key).await?, "a touch finds nothing"),
                    _ => demand!(subject.keys_of(&user).await? == [key], "it is not"),
                }
                tokio::task::yield_now().await;
            }
            Ok(())
        }
    };
    subject.together(4, act).await?;
    Ok(())
}
