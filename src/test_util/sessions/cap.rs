//! How many sessions a user may have.

use std::num::NonZeroU32;

use super::{Case, LIFE, Outcome, Subject, TASKS, case, demand, new_key, new_user, of, with};
use crate::session::{Admission, Created, SessionKey, SessionStore, UserId};

const CAP: usize = 5;

pub(super) fn cases<S: SessionStore>() -> Vec<Case<S>> {
    vec![
        case(
            "beyond the cap nothing is stored, and the least recently active session is named",
            beyond,
        ),
        case(
            "the session that will be replaced does not count for the cap",
            instead_of,
        ),
        case("the cap is that of one user", of_one_user),
        case(
            "of creations at the same time no more succeed than the cap has room for",
            together,
        ),
    ]
}

fn at_most(cap: u32, instead_of: Option<SessionKey>) -> Admission {
    Admission {
        cap: NonZeroU32::new(cap),
        instead_of,
    }
}

async fn create<S: SessionStore>(
    subject: &Subject<S>,
    user: &UserId,
    admission: &Admission,
) -> Outcome<Created> {
    let record = of(user).record();
    Ok(subject.store.create(&new_key(), record, admission).await?)
}

async fn beyond<S: SessionStore>(subject: Subject<S>) -> Outcome {
    let user = new_user();
    let (first, _) = subject.create(of(&user)).await?;
    subject.pass(LIFE).await;
    let (second, _) = subject.create(of(&user)).await?;
    subject.pass(LIFE).await;
    subject.store.touch(&first).await?;
    subject.loaded(&second).await?;
    match create(&subject, &user, &at_most(2, None)).await? {
        Created::TooMany { oldest } => {
            demand!(oldest == second, "another one is named");
        }
        other => demand!(false, "a third one is {other:?}"),
    }
    let mut both = [first, second];
    both.sort_unstable();
    demand!(subject.keys_of(&user).await? == both, "others are listed");
    subject.store.remove(&second).await?;
    let created = create(&subject, &user, &at_most(2, None)).await?;
    demand!(
        matches!(created, Created::Stored(_)),
        "with room it is {created:?}"
    );
    Ok(())
}

async fn instead_of<S: SessionStore>(subject: Subject<S>) -> Outcome {
    let user = new_user();
    let (old, _) = subject.create(of(&user)).await?;
    let created = create(&subject, &user, &at_most(1, Some(old))).await?;
    demand!(
        matches!(created, Created::Stored(_)),
        "it does: {created:?}"
    );
    subject.loaded(&old).await?;
    let (nobodys, _) = subject.create(with("nobody's")).await?;
    let created = create(&subject, &user, &at_most(2, Some(nobodys))).await?;
    demand!(
        matches!(created, Created::TooMany { .. }),
        "nobody's counts less than nothing"
    );
    match create(&subject, &user, &at_most(1, Some(old))).await? {
        Created::TooMany { oldest } => demand!(oldest != old, "it is named"),
        other => demand!(false, "a second one beside it is {other:?}"),
    }
    Ok(())
}

async fn of_one_user<S: SessionStore>(subject: Subject<S>) -> Outcome {
    let user = new_user();
    let others = [new_user(), user.clone().in_tenant("t"), user.clone()];
    for other in &others {
        let created = create(&subject, other, &at_most(1, None)).await?;
        demand!(
            matches!(created, Created::Stored(_)),
            "{other:?}'s is {created:?}"
        );
    }
    for _ in 0..2 {
        let (key, nobodys) = (new_key(), with("a").record());
        let created = subject
            .store
            .create(&key, nobodys, &at_most(1, None))
            .await?;
        demand!(
            matches!(created, Created::Stored(_)),
            "nobody's is {created:?}"
        );
    }
    Ok(())
}

async fn together<S: SessionStore>(subject: Subject<S>) -> Outcome {
    let user = new_user();
    let login = {
        let user = user.clone();
        move |subject: Subject<S>, _| {
            let user = user.clone();
            async move {
                let created = create(&subject, &user, &at_most(5, None)).await?;
                Ok(matches!(created, Created::Stored(_)))
            }
        }
    };
    let created = subject.together(TASKS, login).await?;
    let stored = created.into_iter().filter(|stored| *stored).count();
    demand!(
        (1..=CAP).contains(&stored),
        "{stored} of {TASKS} do, {CAP} may"
    );
    let listed = subject.keys_of(&user).await?.len();
    demand!(listed == stored, "{stored} do, {listed} are listed");
    Ok(())
}
