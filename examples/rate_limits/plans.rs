//! Limits by customer, each with those of its plan.

use std::net::IpAddr;

use axum::http::HeaderMap;
use tower_keep::{
    ClientIp, RateLimitLayer, minutes,
    rate_limit::{self, InvalidLimit, KeyWriter, Limit, LimitKey, Limits, RequestHead},
    seconds,
};

/// Key, name, and whether it is paid for. A real application keeps digests of the keys, in a database.
const CUSTOMERS: [(&str, &str, bool); 2] = [
    ("key-of-ada", "ada", false),
    ("key-of-grace", "grace", true),
];

struct Customer {
    name: &'static str,
    is_paying: bool,
}

impl Customer {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let asked = headers.get("x-api-key")?;
        let (_, name, is_paying) = CUSTOMERS.into_iter().find(|(key, ..)| asked == key)?;
        Some(Self { name, is_paying })
    }
}

/// A customer with a key that exists. Anybody else is told by the address: if each key that somebody makes up had a
/// limit of its own, there would be none.
enum Caller {
    Customer(&'static str),
    Stranger(IpAddr),
}

impl LimitKey for Caller {
    fn write(&self, key: &mut KeyWriter<'_>) {
        match self {
            Self::Customer(name) => key.text(name),
            Self::Stranger(address) => key.address(*address),
        }
    }
}

pub(crate) struct Plans {
    free: Limits,
    pro: Limits,
    client: ClientIp,
}

impl Plans {
    /// They are made once: the same limits in each request are what counters are kept of.
    pub(crate) fn new(client: &ClientIp) -> Result<Self, InvalidLimit> {
        let free = Limit::token_bucket(30)
            .per(minutes(1))
            .burst(5)
            .name("free");
        let pro = Limit::token_bucket(100)
            .per(seconds(1))
            .burst(200)
            .name("pro");
        Ok(Self {
            free: free.build()?.into(),
            pro: pro.build()?.into(),
            client: client.clone(),
        })
    }

    pub(crate) fn pro(&self) -> &Limits {
        &self.pro
    }

    /// A customer whose plan changes has from then on the new limits, less what is used already.
    pub(crate) fn layer(&self) -> RateLimitLayer {
        let client = self.client.clone();
        let pro = self.pro.clone();
        RateLimitLayer::new(self.free.clone())
            .key(rate_limit::from_fn(move |head| caller(head, &client)))
            .plan(move |head| {
                let is_paying = Customer::of(head.headers())?.is_paying;
                is_paying.then(|| pro.clone())
            })
    }
}

fn caller(head: &RequestHead<'_>, client: &ClientIp) -> Option<Caller> {
    match Customer::of(head.headers()) {
        Some(customer) => Some(Caller::Customer(customer.name)),
        None => client
            .of(head.extensions(), head.headers())
            .map(Caller::Stranger),
    }
}

pub(crate) async fn api(headers: HeaderMap) -> String {
    let name = Customer::of(&headers).map_or("stranger", |customer| customer.name);
    format!("Hello, {name}\n")
}
