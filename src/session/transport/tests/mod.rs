mod attributes;
mod protected;
mod read;
mod said;

use super::*;

/// A key that no other seed has.
fn keys(seed: u8) -> Keys {
    let bytes: Vec<u8> = (0..64).map(|n: u8| n.wrapping_mul(7) ^ seed).collect();
    Keys::new(&bytes).unwrap()
}

fn id() -> SessionId {
    SessionId::random().unwrap()
}

fn request(name: &HeaderName, lines: &[&[u8]]) -> HeaderMap {
    let value = |line: &&[u8]| HeaderValue::from_bytes(line).unwrap();
    let lines = lines.iter().map(|line| (name.clone(), value(line)));
    lines.collect()
}

/// What becomes of these lines of `Cookie`.
fn cookies(transport: &Transport, lines: &[&str]) -> Presented {
    let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
    let headers = request(&header::COOKIE, &lines);
    transport.read(&transport.capture(&headers).0)
}

/// What the announcement of an id makes a browser send.
fn sent(transport: &Transport, id: &SessionId) -> String {
    let (_, value) = transport.announce(id, None);
    let value = value.to_str().unwrap();
    value.split(';').next().unwrap().to_owned()
}

fn is(presented: &Presented, id: &SessionId) -> bool {
    matches!(presented, Presented::Id(read) if read == id)
}

fn refusal(presented: &Presented) -> Option<RefusedId> {
    match presented {
        Presented::Refused(why) => Some(*why),
        Presented::Nothing | Presented::Id(_) => None,
    }
}
