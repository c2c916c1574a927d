//! The origin's responses, as messages.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, Response, response::Builder};
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::sync::Semaphore;

use super::{
    origin::{Flow, pass},
    resource::Varies,
    steps::{Act, Ask, RESOURCES, Verb},
    world::{BEGINNING, BodyState, Said, Shared},
};

pub(super) fn date(unix: u64) -> String {
    httpdate::fmt_http_date(std::time::UNIX_EPOCH + std::time::Duration::from_secs(unix))
}

pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

type Fields = Vec<(&'static str, Option<String>)>;

/// The head. Each response has a number, which validations replace; each content has the number of the
/// response that it came with.
pub(super) fn head(said: &Said, id: usize, ask: &Ask, act: Option<Act>) -> Builder {
    let fields = [
        terms(said, id, ask),
        content(said, id, ask, act),
        other_uris(said, ask),
    ];
    let mut response = Response::builder().status(said.status);
    for (name, value) in fields.into_iter().flatten() {
        response = value
            .into_iter()
            .fold(response, |response, value| response.header(name, value));
    }
    response
}

/// How long and for whom the response is.
fn terms(said: &Said, id: usize, ask: &Ask) -> Fields {
    let Said { policy, shape, .. } = said;
    let mut control = policy.control();
    if said.status >= 500 {
        control.clear();
    }
    control.push(format!("serial={id}"));
    let vary = match shape.varies {
        Varies::No => None,
        Varies::Language => Some("accept-language"),
        Varies::Any => Some("*"),
    };
    let cookie = format!("id=c{}", ask.client);
    vec![
        ("cache-control", Some(control.join(", "))),
        ("date", Some(date(BEGINNING + said.date))),
        ("age", policy.age.map(|age| age.to_string())),
        ("set-cookie", policy.set_cookie.then_some(cookie)),
        ("vary", vary.map(str::to_owned)),
    ]
}

/// What content it has.
fn content(said: &Said, id: usize, ask: &Ask, act: Option<Act>) -> Fields {
    let shown = matches!(said.status, 200 | 206 | 304) && shows(ask);
    let modified = said.modified().filter(|_| shown);
    let length = said.content.len();
    let range = match said.part {
        Some((first, last)) => Some(format!("bytes {first}-{last}/{length}")),
        None => (said.status == 416).then(|| format!("bytes */{length}")),
    };
    let short = said.breaks && act == Some(Act::Short);
    let sized = (said.shape.length || ask.verb == Verb::Head || short) && said.status != 304;
    let whole = matches!(said.status, 200 | 206 | 404) && ask.verb != Verb::Head && shows(ask);
    vec![
        ("etag", said.tag(ask.uri).filter(|_| shown)),
        (
            "last-modified",
            modified.map(|before| date(BEGINNING - before)),
        ),
        ("content-range", range),
        (
            "content-length",
            sized.then(|| sent(said).len().to_string()),
        ),
        ("x-content", whole.then(|| id.to_string())),
    ]
}

fn other_uris(said: &Said, ask: &Ask) -> Fields {
    let uri = |uri: usize| format!("http://origin.test/{}", uri % RESOURCES);
    let shows = ask.verb == Verb::PostShow && said.status == 200;
    let also = ask.also && !ask.verb.is_safe() && said.status == 200;
    vec![
        ("content-location", shows.then(|| uri(ask.uri))),
        ("location", also.then(|| uri(ask.uri + 1))),
    ]
}

/// Whether a response is a representation of the resource.
pub(super) fn shows(ask: &Ask) -> bool {
    ask.verb.is_safe() || ask.verb == Verb::PostShow
}

/// What of the content is sent.
pub(super) fn sent(said: &Said) -> &str {
    match (said.status, said.part) {
        (_, Some((first, last))) => &said.content[first..=last],
        (304 | 416, None) => "",
        _ => &said.content,
    }
}

pub(super) fn body(
    world: Shared,
    id: usize,
    said: &Said,
    ask: &Ask,
    act: Option<Act>,
    gate: Option<Arc<Semaphore>>,
) -> Flow {
    let sent = if ask.verb == Verb::Head {
        ""
    } else {
        sent(said)
    };
    let (first, second) = sent.split_at(sent.len() / 2);
    let text = |text: &str| Piece::Text(text.to_owned());
    let rest = match act {
        Some(Act::Break) if said.breaks => vec![Piece::Error],
        Some(Act::Short) if said.breaks => vec![Piece::Short],
        _ => vec![text(second), Piece::End],
    };
    let pieces = stream::iter([text(first)].into_iter().chain(rest)).enumerate();
    let frames = pieces.filter_map(move |(index, piece)| {
        let (world, gate) = (world.clone(), gate.clone().filter(|_| index == 1));
        async move {
            pass(gate.as_ref()).await;
            let mut world = world.lock();
            let event = world.event();
            let state = &mut world.exchanges[id].body;
            match piece {
                Piece::Text(text) => return Some(Ok(Frame::data(Bytes::from(text)))),
                Piece::End => *state = BodyState::Complete(event),
                Piece::Short => *state = BodyState::Short(event),
                Piece::Error => {
                    *state = BodyState::Broken(event);
                    return Some(Err("the body breaks off".into()));
                }
            }
            None
        }
    });
    StreamBody::new(frames.boxed())
}

/// What a body goes on with.
enum Piece {
    Text(String),
    End,
    Short,
    Error,
}
