//! Who has sessions.

use super::{Case, LIFE, Outcome, Subject, case, demand, new_name, of};
use crate::session::{SessionStore, Timestamp, UserId, UsersAsked};

pub(super) fn cases<S: SessionStore>() -> Vec<Case<S>> {
    vec![
        case(
            "`users` gives each user of a tenant once, in the order of the ids, in pages",
            in_pages,
        ),
        case(
            "`users` gives users of all tenants where none is asked for",
            of_all_tenants,
        ),
        case(
            "`users` tells when users were last active, and leaves out who was not",
            active_since,
        ),
        case(
            "`users` leaves out who has no session any more",
            without_sessions,
        ),
    ]
}

fn all_of(tenant: &str) -> UsersAsked {
    UsersAsked {
        tenant: Some(tenant.into()),
        limit: 100,
        ..UsersAsked::default()
    }
}

async fn ask<S: SessionStore>(subject: &Subject<S>, asked: &UsersAsked) -> Outcome<Vec<UserId>> {
    let users = subject.store.users(asked).await?;
    Ok(users.into_iter().map(|(user, _)| user).collect())
}

async fn in_pages<S: SessionStore>(subject: Subject<S>) -> Outcome {
    let (tenant, another) = (new_name(), new_name());
    let mut users = Vec::new();
    for number in 0..5 {
        let user = UserId::new(format!("u{number}"));
        for tenant in [&tenant, &another] {
            let user = user.clone().in_tenant(tenant.clone());
            subject.create(of(&user)).await?;
            subject.create(of(&user)).await?;
        }
        users.push(user.in_tenant(tenant.clone()));
    }
    let all = ask(&subject, &all_of(&tenant)).await?;
    demand!(all == users, "at once: {all:?}");
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let asked = UsersAsked {
            limit: 2,
            after: after.clone(),
            ..all_of(&tenant)
        };
        let page = ask(&subject, &asked).await?;
        demand!(
            page.len() <= 2,
            "a page of {} where 2 are asked for",
            page.len()
        );
        let Some(last) = page.last() else { break };
        demand!(
            after.as_ref() < Some(last),
            "a page ends with {last:?} after {after:?}"
        );
        after = Some(last.clone());
        paged.extend(page);
    }
    demand!(paged == users, "in pages: {paged:?}");
    Ok(())
}

async fn of_all_tenants<S: SessionStore>(subject: Subject<S>) -> Outcome {
    let user = UserId::new(new_name());
    let users = [user.clone(), user.clone().in_tenant(new_name())];
    for user in &users {
        subject.create(of(user)).await?;
        let others = ask(&subject, &all_of(&new_name())).await?;
        demand!(others.is_empty(), "a tenant without users has {others:?}");
    }
    for user in users {
        // From right before this user on: others may be there.
        let asked = UsersAsked {
            limit: 1,
            after: Some(before(&user)),
            ..UsersAsked::default()
        };
        let found = ask(&subject, &asked).await?;
        demand!(found == [user], "{found:?}");
    }
    Ok(())
}

/// An id that comes right before that of a user whose name is a number: nobody is in between.
fn before(user: &UserId) -> UserId {
    let mut name = user.name().to_owned();
    let last = name
        .pop()
        .and_then(|last| char::from_u32(u32::from(last) - 1));
    name.extend(last);
    let before = UserId::new(name + "~");
    match user.tenant() {
        Some(tenant) => before.in_tenant(tenant),
        None => before,
    }
}

async fn active_since<S: SessionStore>(subject: Subject<S>) -> Outcome {
    let tenant = new_name();
    let user = |name: &str| UserId::new(name).in_tenant(tenant.clone());
    let (early, _) = subject.create(of(&user("a"))).await?;
    subject.create(of(&user("b"))).await?;
    subject.pass(LIFE).await;
    subject.store.touch(&early).await?;
    let (_, late) = subject.create(of(&user("c"))).await?;
    subject.create(of(&user("d"))).await?;
    let touched = subject.loaded(&early).await?.seen;
    let asked = UsersAsked {
        since: touched,
        ..all_of(&tenant)
    };
    let users = subject.store.users(&asked).await?;
    let names: Vec<&str> = users.iter().map(|(user, _)| user.name()).collect();
    demand!(names == ["a", "c", "d"], "since {touched:?}: {users:?}");
    let seen: Vec<Timestamp> = users.iter().map(|(_, seen)| *seen).collect();
    demand!(seen[..2] == [touched, late.seen], "{users:?}");
    let later = UsersAsked {
        since: subject.now().await? + LIFE,
        ..all_of(&tenant)
    };
    let users = ask(&subject, &later).await?;
    demand!(users.is_empty(), "in the future: {users:?}");
    Ok(())
}

async fn without_sessions<S: SessionStore>(subject: Subject<S>) -> Outcome {
    let tenant = new_name();
    let user = |name: &str| UserId::new(name).in_tenant(tenant.clone());
    let (removed, _) = subject.create(of(&user("removed"))).await?;
    subject.create(of(&user("expires")).idle(LIFE)).await?;
    subject.create(of(&user("stays"))).await?;
    subject.store.remove(&removed).await?;
    subject.pass(LIFE).await;
    let users = ask(&subject, &all_of(&tenant)).await?;
    demand!(users == [user("stays")], "{users:?}");
    Ok(())
}
