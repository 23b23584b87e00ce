//! A client that keeps cookies, follows no redirects, and sends the site's own origin with its forms.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;

use anyhow::{Context, Result};
use reqwest::header::{COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder};

pub(crate) struct Visitor {
    http: Client,
    pub(crate) origin: String,
    cookies: Mutex<BTreeMap<String, String>>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Visitor {
    pub(crate) fn new(host: &str, address: SocketAddr) -> Self {
        let http =
            Client::builder().redirect(Policy::none()).resolve(host, address).build().expect("a client");
        Self { http, origin: format!("http://{host}:{}", address.port()), cookies: Mutex::default() }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let cookies = self.cookies.lock().expect("cookies");
        let cookies: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = self.http.request(method, format!("{}{path}", self.origin));
        if cookies.is_empty() { request } else { request.header(COOKIE, cookies.join("; ")) }
    }

    /// Sends a request, and handles cookies as a browser does.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Answer> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        for set in headers.get_all(SET_COOKIE) {
            let (pair, attributes) = set.to_str()?.split_once(';').context("no attributes")?;
            let (name, value) = pair.split_once('=').context("no value")?;
            let mut cookies = self.cookies.lock().expect("cookies");
            if attributes.contains("Max-Age=0") {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(Answer { status, headers, text: response.text().await? })
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Answer> {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Result<Answer> {
        let request = self.request(Method::POST, path).header("Sec-Fetch-Site", "same-origin");
        self.send(request.form(form)).await
    }

    pub(crate) async fn log_in(&self, (name, password): (&str, &str)) -> Result<Answer> {
        self.post("/login", &[("name", name), ("password", password)]).await
    }

    pub(crate) fn session(&self) -> Option<String> {
        self.cookie("__Host-session")
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().expect("cookies").get(name).cloned()
    }

    pub(crate) fn set_session(&self, token: &str) {
        self.cookies.lock().expect("cookies").insert("__Host-session".to_owned(), token.to_owned());
    }
}

impl Answer {
    pub(crate) fn location(&self) -> &str {
        self.headers.get(LOCATION).map_or("", |value| value.to_str().expect("text"))
    }

    pub(crate) fn cookies(&self) -> Vec<&str> {
        self.headers.get_all(SET_COOKIE).iter().map(|value| value.to_str().expect("text")).collect()
    }

    /// The values that inputs of a name have.
    pub(crate) fn values(&self, name: &str) -> Vec<String> {
        let before = format!(r#"name="{name}" value=""#);
        let parts = self.text.split(&before).skip(1);
        parts.filter_map(|rest| rest.split_once('"')).map(|(value, _)| value.to_owned()).collect()
    }

    pub(crate) fn value(&self, name: &str) -> String {
        self.values(name).into_iter().next().unwrap_or_else(|| panic!("no {name} in {}", self.text))
    }
}
