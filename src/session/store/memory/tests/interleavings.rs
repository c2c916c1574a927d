//! What threads do to the sessions of one user, or to one session, in all orders that the scheduler tries.

use shuttle::thread;

use super::*;

const ORDERS: usize = 1_000;

/// What each of these threads comes to.
fn all<T: Send + 'static>(
    core: &Arc<Core>,
    acts: Vec<Box<dyn FnOnce(&Core) -> T + Send>>,
) -> Vec<T> {
    let threads: Vec<_> = acts
        .into_iter()
        .map(|act| {
            let core = Arc::clone(core);
            thread::spawn(move || act(&core))
        })
        .collect();
    threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect()
}

#[test]
fn logins_at_the_same_time_are_as_many_as_the_cap_admits() {
    shuttle::check_random(
        || {
            let stage = Stage::new();
            stage.create(0, of("u1"));
            let login = |number| {
                let act = move |core: &Core| {
                    let created = core.create(&key(number), of("u1").record(), &cap(2));
                    usize::from(matches!(created, Created::Stored(_)))
                };
                Box::new(act) as Box<dyn FnOnce(&Core) -> usize + Send>
            };
            let logged_in: usize = all(&stage.core, vec![login(1), login(2), login(3)])
                .iter()
                .sum();
            assert_eq!(logged_in, 1);
            assert_eq!(stage.core.sessions_of(&"u1".into()).len(), 2);
        },
        ORDERS,
    );
}

#[test]
fn what_is_removed_is_not_brought_back_by_who_saves_it() {
    shuttle::check_random(
        || {
            let stage = Stage::new();
            let loaded = stage.create(0, of("u1"));
            let version = loaded.version;
            all(
                &stage.core,
                vec![
                    Box::new(move |core: &Core| {
                        core.swap(
                            &key(0),
                            version,
                            Some(of("u1").value("a", "1").record().into()),
                        );
                        core.touch(&key(0));
                    }),
                    Box::new(|core: &Core| drop(core.remove(&key(0)))),
                ],
            );
            assert!(!stage.has(0));
            assert!(stage.core.sessions_of(&"u1".into()).is_empty());
            assert_eq!(stage.core.population().users, 0);
            assert_eq!(stage.core.stats().bytes, 0);
        },
        ORDERS,
    );
}

#[test]
fn of_changes_of_one_version_one_takes_place() {
    shuttle::check_random(
        || {
            let stage = Stage::new();
            let version = stage.create(0, anonymous()).version;
            let save = |user: &'static str| {
                let act = move |core: &Core| {
                    let swapped = core.swap(&key(0), version, Some(of(user).record().into()));
                    matches!(swapped, Swapped::Stored(_))
                };
                Box::new(act) as Box<dyn FnOnce(&Core) -> bool + Send>
            };
            let saved = all(&stage.core, vec![save("u1"), save("u2")]);
            assert_ne!(saved[0], saved[1]);
            let of_user = |user: &str| stage.core.sessions_of(&user.into()).len();
            assert_eq!(
                (of_user("u1"), of_user("u2")),
                (saved[0].into(), saved[1].into())
            );
        },
        ORDERS,
    );
}

#[test]
fn whoever_ends_all_sessions_of_a_user_meets_each_that_is_there_all_the_time() {
    shuttle::check_random(
        || {
            let stage = Stage::new();
            let version = stage.create(0, of("u1")).version;
            let found = all(
                &stage.core,
                vec![
                    Box::new(move |core: &Core| {
                        core.swap(
                            &key(0),
                            version,
                            Some(of("u1").value("a", "1").record().into()),
                        );
                        core.touch(&key(0));
                        0
                    }),
                    Box::new(|core: &Core| core.sessions_of(&"u1".into()).len()),
                ],
            );
            assert_eq!(found[1], 1);
        },
        ORDERS,
    );
}

#[test]
fn newcomers_without_room_leave_no_more_than_there_is_room_for() {
    shuttle::check_random(
        || {
            let stage = Stage::new();
            let large = || anonymous().value("text", &"x".repeat(2_500));
            let mut number = 0;
            while stage.core.stats().evicted_anonymous == 0 {
                stage.create(number, large());
                number += 1;
            }
            let come = |number| {
                let act = move |core: &Core| {
                    stored(core.create(&key(number), large().record(), &Admission::default()));
                };
                Box::new(act) as Box<dyn FnOnce(&Core) + Send>
            };
            all(&stage.core, vec![come(100), come(101)]);
            assert!(stage.has(100) && stage.has(101));
            let count = stage.those_of(102).len() as u64;
            assert_eq!(count, number - 1, "two for two");
        },
        100,
    );
}
