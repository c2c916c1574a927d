//! An origin on a port of its own that follows a script, down to the bytes.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Uri, Version};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{Connected, Connection},
    },
    rt::{TokioExecutor, TokioIo},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tower::Service;
use tower_keep::{BoxError, retry::ReplayBody};

/// What a client of the tests sends.
pub(crate) type Upload = UnsyncBoxBody<Bytes, BoxError>;
pub(crate) type HttpClient = Client<Way, ReplayBody<Upload>>;

/// What becomes of one connection by HTTP/1.1.
#[derive(Clone, Debug)]
pub(crate) enum Turn {
    /// There is nobody.
    Refuses,
    /// Hangs up when something has arrived, and reads none of it.
    ReadsNothing,
    /// Hangs up after the head of the request.
    ReadsHead,
    /// Says this after the head, and waits for the client to hang up.
    AnswersHead(&'static str),
    /// Reads the request, says this, and hangs up.
    Says(String),
    /// Reads a request, answers 200, and waits for the next.
    Keeps,
}

/// What becomes of one request by HTTP/2.
#[derive(Clone, Copy, Debug)]
pub(crate) enum StreamTurn {
    Answers,
    /// Resets the stream with this code.
    Resets(u8),
    /// Says GOAWAY with this code, and that the stream has not been looked at.
    LeavesOut(u8),
    /// Says GOAWAY with this code and the stream as the last one, and hangs up.
    Leaves(u8),
    /// Says GOAWAY with the stream as the last one, and answers that.
    LeavesAfter,
    HangsUp,
}

/// A request, or its beginning, as the origin has seen it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Received {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// The origin has told the client that it has not processed it.
    pub(crate) given_back: bool,
}

type Log = Arc<Mutex<Vec<Received>>>;

pub(crate) struct Origin {
    pub(crate) way: Way,
    log: Log,
}

impl Origin {
    /// One turn for each connection, and 200 after them.
    pub(crate) async fn http1(turns: &[Turn]) -> Self {
        let refusals = turns.iter().filter(|turn| matches!(turn, Turn::Refuses));
        let (way, listener) = Way::listening(refusals.count()).await;
        let accepted = turns
            .iter()
            .filter(|turn| !matches!(turn, Turn::Refuses))
            .cloned();
        let (mut turns, log) = (accepted.collect::<Vec<_>>().into_iter(), Log::default());
        let kept = Arc::clone(&log);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let turn = turns.next().unwrap_or(Turn::Keeps);
                tokio::spawn(serve(stream, turn, Arc::clone(&kept)));
            }
        });
        Self { way, log }
    }

    /// One turn for each request, over as many connections as it takes, and 200 after them.
    pub(crate) async fn http2(turns: &[StreamTurn]) -> Self {
        let (way, listener) = Way::listening(0).await;
        let turns: Vec<StreamTurn> = turns.to_vec();
        let turns = Arc::new(Mutex::new(turns.into_iter()));
        let log = Log::default();
        let kept = Arc::clone(&log);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (turns, log) = (Arc::clone(&turns), Arc::clone(&kept));
                tokio::spawn(async move {
                    let next = || turns.lock().unwrap().next();
                    // An error is the client's leaving.
                    let _ = serve_http2(stream, next, log).await;
                });
            }
        });
        Self { way, log }
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.log.lock().unwrap().clone()
    }

    /// How many requests may have been processed, for all that the client can know.
    pub(crate) fn perhaps_processed(&self) -> usize {
        let log = self.log.lock().unwrap();
        log.iter().filter(|request| !request.given_back).count()
    }
}

/// How long the body of a request may take.
const PATIENCE: Duration = Duration::from_secs(30);

async fn serve(stream: TcpStream, turn: Turn, log: Log) -> io::Result<()> {
    if let Turn::ReadsNothing = turn {
        stream.peek(&mut [0]).await?;
        log.lock().unwrap().push(Received::default());
        return Ok(());
    }
    let mut stream = BufReader::new(stream);
    loop {
        let head = head(&mut stream).await?;
        let announced = announced(&head);
        let place = log.lock().unwrap().len();
        let begun = Received {
            head,
            ..Received::default()
        };
        log.lock().unwrap().push(begun);
        match &turn {
            Turn::ReadsHead => return Ok(()),
            Turn::AnswersHead(said) => {
                stream.write_all(said.as_bytes()).await?;
                stream.read_to_end(&mut Vec::new()).await?;
                return Ok(());
            }
            _ => {}
        }
        let mut body = Vec::new();
        let mut rest = (&mut stream).take(announced);
        let read = timeout(PATIENCE, rest.read_to_end(&mut body)).await;
        log.lock().unwrap()[place].body = body;
        // A client that sends less than it said is left.
        read??;
        if let Turn::Says(said) = &turn {
            return stream.write_all(said.as_bytes()).await;
        }
        let said = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(said.as_bytes()).await?;
    }
}

async fn head(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(head)
}

fn announced(head: &str) -> u64 {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    let mut lengths = lines.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    lengths
        .next()
        .map_or(0, |(_, value)| value.parse().unwrap())
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// The status 200 in the static table of RFC 7541.
const OK: u8 = 0x88;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    let head = [0, 0, length, kind, flags];
    [&head[..], &stream.to_be_bytes(), payload].concat()
}

fn go_away(last: u32, code: u8) -> Vec<u8> {
    let payload = [last.to_be_bytes(), [0, 0, 0, code]].concat();
    frame(GOAWAY, 0, 0, &payload)
}

/// Reads a frame: its kind, its flags, its stream and what is in it.
async fn read_frame(stream: &mut TcpStream) -> io::Result<(u8, u8, u32, Vec<u8>)> {
    let mut head = [0; 9];
    stream.read_exact(&mut head).await?;
    let [a, b, c, kind, flags, id @ ..] = head;
    let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]).try_into().unwrap()];
    stream.read_exact(&mut payload).await?;
    Ok((kind, flags, u32::from_be_bytes(id), payload))
}

async fn serve_http2(
    mut stream: TcpStream,
    mut next: impl FnMut() -> Option<StreamTurn>,
    log: Log,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).await?;
    stream.read_exact(&mut [0; 24]).await?;
    let mut request = Received::default();
    loop {
        let (kind, flags, id, payload) = read_frame(&mut stream).await?;
        match kind {
            DATA => request.body.extend(payload),
            HEADERS => {}
            _ => continue,
        }
        if flags & END_STREAM == 0 {
            continue;
        }
        let turn = next().unwrap_or(StreamTurn::Answers);
        const REFUSED_STREAM: u8 = 7;
        request.given_back = matches!(
            turn,
            StreamTurn::LeavesOut(_) | StreamTurn::Resets(REFUSED_STREAM)
        );
        log.lock().unwrap().push(std::mem::take(&mut request));
        let answer = frame(HEADERS, END_STREAM | END_HEADERS, id, &[OK]);
        let said = match turn {
            StreamTurn::Answers => answer,
            StreamTurn::Resets(code) => frame(RST_STREAM, 0, id, &[0, 0, 0, code]),
            StreamTurn::LeavesOut(code) => go_away(id - 1, code),
            StreamTurn::Leaves(code) => go_away(id, code),
            StreamTurn::LeavesAfter => [go_away(id, 0), answer].concat(),
            StreamTurn::HangsUp => return Ok(()),
        };
        stream.write_all(&said).await?;
        if let StreamTurn::Leaves(_) = turn {
            return Ok(());
        }
    }
}

/// The way to an origin: a connector that counts, and whose connections can be cut.
#[derive(Clone)]
pub(crate) struct Way {
    to: SocketAddr,
    /// So many connections are not begun, as there is nobody.
    refusals: usize,
    dialled: Arc<AtomicUsize>,
    /// The connections before this number are cut.
    uncut: Arc<AtomicUsize>,
}

impl Way {
    /// To who listens there, after so many refusals.
    pub(crate) async fn listening(refusals: usize) -> (Self, TcpListener) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let way = Self {
            to: listener.local_addr().unwrap(),
            refusals,
            dialled: Arc::default(),
            uncut: Arc::default(),
        };
        (way, listener)
    }

    pub(crate) fn dialled(&self) -> usize {
        self.dialled.load(Ordering::Relaxed)
    }

    /// How many connections did not come about.
    pub(crate) fn refused(&self) -> usize {
        self.dialled().min(self.refusals)
    }

    /// The next connection ends before anything is sent.
    pub(crate) fn cut_next(&self) {
        self.uncut.store(self.dialled() + 1, Ordering::Relaxed);
    }

    /// Connections that there are end here, which shows when they are used.
    pub(crate) fn cut(&self) {
        self.uncut.store(self.dialled(), Ordering::Relaxed);
    }

    pub(crate) fn client(&self, version: Version, retry_canceled: bool) -> HttpClient {
        Client::builder(TokioExecutor::new())
            .http2_only(version == Version::HTTP_2)
            .retry_canceled_requests(retry_canceled)
            .build(self.clone())
    }
}

impl Service<Uri> for Way {
    type Response = Road;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Road>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let number = self.dialled.fetch_add(1, Ordering::Relaxed);
        // Port 1 is nobody's.
        let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
        let to = if number < self.refusals {
            nobody
        } else {
            self.to
        };
        let uncut = Arc::clone(&self.uncut);
        Box::pin(async move {
            let stream = TcpStream::connect(to).await?;
            stream.set_nodelay(true)?;
            let io = TokioIo::new(stream);
            Ok(Road { io, number, uncut })
        })
    }
}

/// A connection.
pub(crate) struct Road {
    io: TokioIo<TcpStream>,
    number: usize,
    uncut: Arc<AtomicUsize>,
}

impl Connection for Road {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Road {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.number < self.uncut.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl Write for Road {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
