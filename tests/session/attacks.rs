//! What brought down other session layers, replayed over real connections.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
    service::TowerToHyperService,
};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};
use tower::Layer;
use tower_keep::{SessionLayer, session::MemorySessions};

use crate::script::{Script, cookie};

/// An id that the attacker has chosen.
const CHOSEN: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAA";

struct Site {
    script: Script,
    layer: SessionLayer,
    address: SocketAddr,
    client: Client<HttpConnector, Empty<Bytes>>,
}

struct Answer {
    status: u16,
    /// The id that it sets.
    id: Option<String>,
    text: String,
}

impl Site {
    async fn open() -> Self {
        let script = Script::default();
        let layer = SessionLayer::with_store(MemorySessions::new());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = layer.layer(script.handler::<Incoming>());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let service = TowerToHyperService::new(service.clone());
                let connection = TokioIo::new(stream);
                // It ends with an error when the client hangs up.
                tokio::spawn(http1::Builder::new().serve_connection(connection, service));
            }
        });
        Self {
            script,
            layer,
            address,
            client: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    async fn get(&self, path: &str, id: Option<&str>) -> Answer {
        answer(self.send(path, id).await.unwrap()).await
    }

    fn send(
        &self,
        path: &str,
        id: Option<&str>,
    ) -> impl Future<Output = Result<Response<Incoming>, hyper_util::client::legacy::Error>>
    + Send
    + 'static {
        let mut request = Request::get(format!("http://{}{path}", self.address));
        if let Some(id) = id {
            request = request.header(header::COOKIE, cookie(id));
        }
        self.client.request(request.body(Empty::new()).unwrap())
    }

    async fn id(&self, path: &str) -> String {
        self.get(path, None).await.id.unwrap()
    }

    /// A request whose client hangs up when the handler is at its gate.
    async fn hang_up(&self, path: &str, id: &str) {
        let mut connection = TcpStream::connect(self.address).await.unwrap();
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: a\r\ncookie: {}\r\n\r\n",
            cookie(id)
        );
        connection.write_all(head.as_bytes()).await.unwrap();
        self.script.reached("gate").await;
        drop(connection);
    }

    async fn sessions(&self) -> u64 {
        self.layer.devices().population().await.unwrap().sessions
    }
}

async fn answer(response: Response<Incoming>) -> Answer {
    let status = response.status().as_u16();
    let mut lines = response.headers().get_all(header::SET_COOKIE).iter();
    let line = lines.next().map(|line| line.to_str().unwrap().to_owned());
    assert!(lines.next().is_none(), "one cookie at most");
    let id = line.map(|line| {
        let (_, value) = line.split_once('=').unwrap();
        value.split(';').next().unwrap().to_owned()
    });
    let text = response.into_body().collect().await.unwrap().to_bytes();
    Answer {
        status,
        id,
        text: String::from_utf8(text.to_vec()).unwrap(),
    }
}

#[tokio::test]
async fn a_chosen_id_is_not_the_victims() {
    let site = Site::open().await;
    for path in ["/set:a:1/login:u1", "/clear/set:a:1/login:u1", "/login:u1"] {
        let id = site.get(path, Some(CHOSEN)).await.id.unwrap();
        assert_ne!(id, CHOSEN);
        assert_eq!(site.get("/user/get:a", Some(CHOSEN)).await.text, "- -");
        assert_eq!(site.get("/user", Some(&id)).await.text, "u1");
    }
}

#[tokio::test]
async fn a_clear_before_anything_is_read_adopts_no_id() {
    let site = Site::open().await;
    for step in ["clear", "remove:a", "rotate", "logout"] {
        let id = site
            .get(&format!("/{step}/set:a:secret"), Some(CHOSEN))
            .await
            .id;
        assert_ne!(id.unwrap(), CHOSEN, "{step}");
        assert_eq!(site.get("/get:a", Some(CHOSEN)).await.text, "-", "{step}");
    }
}

#[tokio::test]
async fn an_id_that_was_planted_is_dead_when_the_victim_logs_in() {
    let site = Site::open().await;
    let planted = site.id("/set:a:1").await;
    let victims = site.get("/login:u1", Some(&planted)).await.id.unwrap();
    assert_ne!(victims, planted);
    assert_eq!(site.get("/user/get:a", Some(&planted)).await.text, "- -");
    assert_eq!(site.get("/user/get:a", Some(&victims)).await.text, "u1 1");
}

#[tokio::test]
async fn a_slow_request_does_not_undo_the_logout() {
    let site = Site::open().await;
    let id = site.id("/login:u1").await;
    let slow = tokio::spawn(site.send("/get:a/wait:gate/set:a:1", Some(&id)));
    site.script.reached("gate").await;
    assert_eq!(site.get("/logout", Some(&id)).await.id.as_deref(), Some(""));
    site.script.open("gate");
    let slow = answer(slow.await.unwrap().unwrap()).await;
    assert_eq!((slow.status, slow.id.as_deref()), (200, Some("")));
    assert_eq!(site.get("/user/get:a", Some(&id)).await.text, "- -");
    assert_eq!(site.sessions().await, 0);
}

#[tokio::test]
async fn a_logout_after_a_client_has_hung_up_ends_the_session() {
    let site = Site::open().await;
    for path in [
        "/set:a:1/wait:gate",
        "/user/set:a:1/commit/wait:gate/set:a:2",
    ] {
        let id = site.id("/login:u1").await;
        for _ in 0..3 {
            site.hang_up(path, &id).await;
        }
        assert_eq!(site.get("/logout/say:bye", Some(&id)).await.text, "bye");
        assert_eq!(site.get("/user", Some(&id)).await.text, "-", "{path}");
        for _ in 0..3 {
            site.script.open("gate");
        }
        // Whatever is left of the requests has its turn.
        tokio::time::sleep(Duration::ZERO).await;
        assert_eq!(site.sessions().await, 0, "{path}");
        site.script.drain("gate");
    }
}

#[tokio::test]
async fn a_new_id_before_a_5xx_or_a_hang_up_loses_nothing() {
    let site = Site::open().await;
    for step in ["rotate", "login:u1"] {
        let id = site.id("/set:a:1").await;
        let failed = site.get(&format!("/{step}/status:500"), Some(&id)).await;
        assert_eq!(failed.status, 500);
        let id = failed.id.unwrap();
        assert_eq!(site.get("/get:a", Some(&id)).await.text, "1");

        site.hang_up(&format!("/{step}/wait:gate"), &id).await;
        assert_eq!(site.get("/get:a", Some(&id)).await.text, "1");
    }
    let id = site.id("/set:a:1").await;
    assert!(site.send("/rotate/error", Some(&id)).await.is_err());
    assert_eq!(site.get("/get:a", Some(&id)).await.text, "1");
}

#[tokio::test]
async fn of_two_requests_at_the_same_time_no_change_is_lost() {
    let site = Site::open().await;
    let id = site.id("/set:a:1").await;
    let paths = ["/get:a/wait:gate/set:b:2", "/get:a/wait:gate/set:c:3/add:n"];
    let sent = paths.map(|path| tokio::spawn(site.send(path, Some(&id))));
    for _ in paths {
        site.script.reached("gate").await;
    }
    for sent in sent {
        site.script.open("gate");
        assert_eq!(answer(sent.await.unwrap().unwrap()).await.status, 200);
    }
    let found = site.get("/get:a/get:b/get:c/get:n", Some(&id)).await;
    assert_eq!(found.text, "1 2 3 1");
}

#[tokio::test]
async fn a_visitor_is_given_nothing_and_an_answer_has_one_cookie_at_most() {
    let site = Site::open().await;
    for path in ["/say:hello", "/get:a", "/user/take:f"] {
        assert_eq!(site.get(path, None).await.id, None, "{path}");
    }
    assert_eq!(site.sessions().await, 0);
    site.get("/set:a:1/rotate/login:u1/set:b:2", None).await;
}
