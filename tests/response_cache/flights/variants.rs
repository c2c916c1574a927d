//! Requests for different variants do not wait for one another (RFC 9111 section 4.1).

use super::{
    clients::{Field, Read, done, settle},
    origin::{Broke, Call},
};
use tokio::task::JoinHandle;

const VARIED: &[(&str, &str)] = &[("cache-control", "max-age=60"), ("vary", "accept-language")];

const LANGUAGES: [&str; 3] = ["en", "fr", "de"];

fn language(call: &Call) -> &'static str {
    let wanted = call.parts.headers["accept-language"].to_str().unwrap();
    let mut known = LANGUAGES.into_iter().chain(["it", "es", "pt"]);
    known.find(|name| *name == wanted).unwrap()
}

fn answer(call: Call) -> &'static str {
    let language = language(&call);
    call.reply(200, VARIED, language);
    language
}

type Client = (&'static str, JoinHandle<Result<Read, Broke>>);

/// Three requests for each language, mixed.
fn burst(field: &Field, languages: [&'static str; 3]) -> Vec<Client> {
    let each = languages.into_iter().cycle().take(9);
    each.map(|name| (name, field.send("GET", &[("accept-language", name)])))
        .collect()
}

async fn all_have_their_own(clients: Vec<Client>) {
    for (name, client) in clients {
        let read = done(client).await.unwrap();
        assert_eq!((read.status, read.text.as_str()), (200, name));
    }
}

#[tokio::test]
async fn each_variant_is_asked_for_once() {
    let field = Field::new();
    let clients = burst(&field, LANGUAGES);
    settle().await;
    assert_eq!(field.gate.calls(), 1, "nothing is known of variants yet");
    answer(field.gate.next());
    settle().await;
    let calls = field.gate.all();
    let mut asked: Vec<_> = calls.iter().map(language).collect();
    asked.sort_unstable();
    assert_eq!(asked, ["de", "fr"], "both at once, each once");
    for call in calls.into_iter().rev() {
        answer(call);
    }
    all_have_their_own(clients).await;
    assert_eq!(field.gate.calls(), 3);
    for name in LANGUAGES {
        let read = done(field.send("GET", &[("accept-language", name)]))
            .await
            .unwrap();
        assert_eq!((read.is_hit(), read.text.as_str()), (true, name));
    }
}

#[tokio::test]
async fn one_variant_does_not_wait_for_the_body_of_another() {
    let field = Field::new();
    let clients = burst(&field, LANGUAGES);
    settle().await;
    let endless = field.gate.next().begin(VARIED);
    endless.data("e");
    settle().await;
    for call in field.gate.all() {
        answer(call);
    }
    settle().await;
    for (name, client) in &clients {
        assert_eq!(client.is_finished(), *name != "en", "{name}");
    }
    endless.data("n");
    drop(endless);
    all_have_their_own(clients).await;
    assert_eq!(field.gate.calls(), 3);
}

#[tokio::test]
async fn nor_for_its_head_once_the_variants_are_known() {
    let field = Field::new();
    let first = field.send("GET", &[("accept-language", "en")]);
    settle().await;
    answer(field.gate.next());
    done(first).await.unwrap();
    let clients = burst(&field, ["it", "es", "pt"]);
    settle().await;
    let mut calls = field.gate.all();
    assert_eq!(calls.len(), 3, "a flight for each variant from the start");
    // The last one is done before the first has a head.
    let last = answer(calls.pop().unwrap());
    settle().await;
    for (name, client) in &clients {
        assert_eq!(client.is_finished(), *name == last, "{name}");
    }
    for call in calls {
        answer(call);
    }
    all_have_their_own(clients).await;
    assert_eq!(field.gate.calls(), 4);
}

#[tokio::test]
async fn a_variant_without_the_field_is_one_of_its_own() {
    let field = Field::new();
    let with = field.send("GET", &[("accept-language", "en")]);
    let without = field.get();
    let other = field.get();
    settle().await;
    answer(field.gate.next());
    settle().await;
    field.gate.next().reply(200, VARIED, "none");
    assert_eq!(done(with).await.unwrap().text, "en");
    assert_eq!(done(without).await.unwrap().text, "none");
    assert_eq!(done(other).await.unwrap().text, "none");
    assert_eq!(field.gate.calls(), 2);
}

/// The second variant's head names one more field.
#[tokio::test]
async fn what_the_resource_varies_on_may_grow_on_the_way() {
    let both = [
        ("cache-control", "max-age=60"),
        ("vary", "accept-language, accept"),
    ];
    let field = Field::new();
    let ask =
        |language, accept| field.send("GET", &[("accept-language", language), ("accept", accept)]);
    let clients = [
        ("en", "a", ask("en", "a")),
        ("fr", "a", ask("fr", "a")),
        ("fr", "b", ask("fr", "b")),
        ("fr", "a", ask("fr", "a")),
    ];
    settle().await;
    answer(field.gate.next());
    settle().await;
    let mut rounds = 0;
    loop {
        let calls = field.gate.all();
        if calls.is_empty() {
            break;
        }
        for call in calls {
            let accept = call.parts.headers["accept"].to_str().unwrap();
            let text = if accept == "a" { "a" } else { "b" };
            call.reply(200, &both, text);
        }
        settle().await;
        rounds += 1;
        assert!(rounds < 4, "it does not come to an end");
    }
    for (language, accept, client) in clients {
        let read = done(client).await.unwrap();
        let want = if language == "en" { "en" } else { accept };
        assert_eq!(read.text, want, "{language} {accept}");
    }
    assert_eq!(field.gate.calls(), 3);
}

#[tokio::test]
async fn what_varies_on_everything_is_not_shared() {
    let field = Field::new();
    let clients = field.gets(4);
    settle().await;
    let fields = [("cache-control", "max-age=60"), ("vary", "*")];
    for _ in 0..4 {
        for call in field.gate.all() {
            call.reply(200, &fields, "mine");
        }
        settle().await;
    }
    for client in clients {
        assert!(!done(client).await.unwrap().is_collapsed());
    }
    assert_eq!(field.gate.calls(), 4);
}

/// A leader of one variant that fails must not take the others with it.
#[tokio::test]
async fn a_failure_of_one_variant_is_no_failure_of_another() {
    let field = Field::new();
    let clients = burst(&field, LANGUAGES);
    settle().await;
    answer(field.gate.next());
    settle().await;
    for _ in 0..3 {
        for call in field.gate.all() {
            match language(&call) {
                "fr" => call.fail(),
                _ => {
                    answer(call);
                }
            }
        }
        settle().await;
    }
    for (name, client) in clients {
        let result = done(client).await;
        let fine = result.is_ok_and(|read| read.status == 200);
        assert_eq!(fine, name != "fr", "{name}");
    }
    assert_eq!(field.gate.calls(), 5);
}
