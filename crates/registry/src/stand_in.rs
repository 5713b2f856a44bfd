//! A stand-in for a schema registry, for tests: it fails in every way that a server can, and holds each request against
//! the published API.
//!
//! What it answers when it is well is held against a real registry in `tests/apicurio.rs`, which runs the same cases on
//! both.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use serde_json::{Value, json};

/// How a stand-in answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mood {
    /// As a registry does.
    Well,
    /// With this status and this body, whatever is asked.
    Says(u16, String),
    /// Not at all: the connection ends after the request.
    HangsUp,
    /// Not at all, and the connection stays.
    Silent,
}

/// A registry that keeps its schemas in memory and listens on 127.0.0.1.
#[derive(Debug)]
pub struct StandIn {
    address: String,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    mood: Mood,
    login: Option<String>,
    schemas: Vec<Value>,
    subjects: BTreeMap<String, Vec<usize>>,
    is_compatible: bool,
    requests: Vec<String>,
    faults: Vec<String>,
    /// Connections that are never answered.
    kept: Vec<TcpStream>,
}

impl StandIn {
    /// Starts on a free port.
    ///
    /// # Panics
    /// Where there is none.
    pub fn start() -> Self {
        Self::start_on("127.0.0.1:0")
    }

    /// Starts on an address of this machine.
    ///
    /// # Panics
    /// Where it cannot be had.
    #[expect(clippy::expect_used, reason = "a test cannot go on without it")]
    pub fn start_on(address: &str) -> Self {
        let listener = TcpListener::bind(address).expect("an address to listen on");
        let address = listener.local_addr().expect("an address").to_string();
        let state = State {
            mood: Mood::Well,
            login: None,
            schemas: Vec::new(),
            subjects: BTreeMap::new(),
            is_compatible: true,
            requests: Vec::new(),
            faults: Vec::new(),
            kept: Vec::new(),
        };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // Who hangs up in the midst of it is of no interest.
                thread::spawn(move || drop(serve(stream, &state)));
            }
        });
        Self { address, state }
    }

    /// The address, as `[registry] url` has it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes how it answers from now on.
    pub fn becomes(&self, mood: Mood) {
        self.state().mood = mood;
    }

    /// Lets in only who sends this header `authorization`.
    pub fn asks_for(&self, login: &str) {
        self.state().login = Some(login.into());
    }

    /// Takes new versions for incompatible from now on.
    pub fn refuses_versions(&self) {
        self.state().is_compatible = false;
    }

    /// Puts a schema under a subject, and returns its id.
    pub fn add(&self, subject: &str, schema: &str) -> u32 {
        self.add_whole(subject, json!({ "schema": schema }))
    }

    /// Puts a schema with `schemaType` or `references` under a subject, and returns its id.
    pub fn add_whole(&self, subject: &str, schema: Value) -> u32 {
        self.state().add(subject, schema)
    }

    /// The GUID of a schema, as it is sent.
    pub fn guid(id: u32) -> String {
        format!("00000000-0000-4000-8000-{id:012x}")
    }

    /// The requests so far, such as `GET /schemas/ids/1`.
    pub fn requests(&self) -> Vec<String> {
        self.state().requests.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// No request may break the rules of the API unnoticed.
impl Drop for StandIn {
    fn drop(&mut self) {
        let faults = std::mem::take(&mut self.state().faults);
        assert!(faults.is_empty() || thread::panicking(), "{faults:#?}");
    }
}

struct Request {
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

fn serve(stream: TcpStream, state: &Mutex<State>) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let Some(request) = read(&mut reader)? else { return Ok(()) };
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    state.requests.push(format!("{} {}", request.method, request.path));
    let faults = faults(&request);
    state.faults.extend(faults);
    let (status, body) = match state.mood.clone() {
        Mood::Well => state.answer(&request),
        Mood::Says(status, body) => (status, body),
        Mood::HangsUp => return Ok(()),
        Mood::Silent => {
            state.kept.push(stream);
            return Ok(());
        }
    };
    drop(state);
    write!(
        &stream,
        "HTTP/1.1 {status} X\r\ncontent-type: application/vnd.schemaregistry.v1+json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn read(reader: &mut impl io::BufRead) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(ToOwned::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(Request { method, path, headers, body }))
}

/// The addresses of the API that are asked, with `*` for one step.
const ADDRESSES: [(&str, &str); 6] = [
    ("GET", "/schemas/ids/*"),
    ("GET", "/schemas/guids/*"),
    ("GET", "/subjects/*/versions/*"),
    ("POST", "/subjects/*"),
    ("POST", "/subjects/*/versions"),
    ("POST", "/compatibility/subjects/*/versions/latest"),
];

/// What the published API does not allow.
fn faults(request: &Request) -> Vec<String> {
    let mut faults = Vec::new();
    let Request { method, path, headers, body } = request;
    let header = |name: &str| headers.get(name).map(String::as_str).unwrap_or_default();
    let steps: Vec<_> = bare(path).split('/').collect();
    let is_it = |pattern: &str| {
        let pattern: Vec<_> = pattern.split('/').collect();
        let same = |(step, wanted): (&&str, &&str)| *wanted == "*" && !step.is_empty() || step == wanted;
        pattern.len() == steps.len() && steps.iter().zip(&pattern).all(same)
    };
    if !ADDRESSES.iter().any(|(known, pattern)| method == known && is_it(pattern)) {
        faults.push(format!("{method} {path} is not in the API"));
    }
    const MEDIA_TYPES: [&str; 3] =
        ["application/vnd.schemaregistry.v1+json", "application/vnd.schemaregistry+json", "application/json"];
    if !MEDIA_TYPES.contains(&header("accept")) {
        faults.push(format!("{method} {path}: accept {:?}", header("accept")));
    }
    if method == "POST" {
        if !MEDIA_TYPES.contains(&header("content-type")) {
            faults.push(format!("{method} {path}: content-type {:?}", header("content-type")));
        }
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let members =
            body.as_object().map(|body| body.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
        let known = ["schema", "schemaType", "references"];
        if !body["schema"].is_string() || members.iter().any(|member| !known.contains(&member.as_str())) {
            faults.push(format!("{method} {path}: {body}"));
        }
    }
    faults
}

/// A path without what is asked behind it.
fn bare(path: &str) -> &str {
    path.split('?').next().unwrap_or_default()
}

impl State {
    fn add(&mut self, subject: &str, schema: Value) -> u32 {
        let at = self.schemas.iter().position(|each| *each == schema).unwrap_or_else(|| {
            self.schemas.push(schema);
            self.schemas.len() - 1
        });
        let versions = self.subjects.entry(subject.into()).or_default();
        if !versions.contains(&at) {
            versions.push(at);
        }
        number(at)
    }

    fn answer(&mut self, request: &Request) -> (u16, String) {
        if self.login.as_ref().is_some_and(|login| request.headers.get("authorization") != Some(login)) {
            return no(401, 40101, "Unauthorized");
        }
        let path = request.path.clone();
        let steps: Vec<_> = bare(&path).split('/').skip(1).collect();
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        match (request.method.as_str(), &steps[..]) {
            ("GET", ["schemas", "ids", id]) => {
                self.schema(id.parse::<usize>().ok().and_then(|id| id.checked_sub(1)))
            }
            ("GET", ["schemas", "guids", guid]) => {
                let at = (0..self.schemas.len()).find(|at| StandIn::guid(number(*at)) == *guid);
                self.schema(at)
            }
            ("GET", ["subjects", subject, "versions", version]) => {
                let Some(versions) = self.subjects.get(&decoded(subject)) else { return no_subject() };
                let at = version.parse::<usize>().ok().and_then(|version| versions.get(version - 1));
                match at {
                    Some(at) => self.schema(Some(*at)),
                    None => no(404, 40402, "Version not found"),
                }
            }
            ("POST", ["subjects", subject]) => self.find(&decoded(subject), &body),
            ("POST", ["subjects", _, "versions"]) if !self.is_compatible => {
                no(409, 409, "Schema being registered is incompatible with an earlier schema")
            }
            ("POST", ["subjects", subject, "versions"]) => {
                let id = self.add(&decoded(subject), body);
                (200, json!({ "id": id }).to_string())
            }
            ("POST", ["compatibility", "subjects", subject, ..]) => {
                if !self.subjects.contains_key(&decoded(subject)) {
                    return no_subject();
                }
                let messages = if self.is_compatible { json!([]) } else { json!(["a field is missing"]) };
                (200, json!({ "is_compatible": self.is_compatible, "messages": messages }).to_string())
            }
            _ => (404, "no such page".into()),
        }
    }

    fn schema(&self, at: Option<usize>) -> (u16, String) {
        let Some((at, schema)) = at.and_then(|at| Some((at, self.schemas.get(at)?))) else {
            return no(404, 40403, "Schema not found");
        };
        let mut answer = schema.clone();
        answer["guid"] = StandIn::guid(number(at)).into();
        (200, answer.to_string())
    }

    fn find(&self, subject: &str, schema: &Value) -> (u16, String) {
        let Some(versions) = self.subjects.get(subject) else { return no_subject() };
        let found = versions.iter().position(|at| self.schemas[*at]["schema"] == schema["schema"]);
        let Some(version) = found else { return no(404, 40403, "Schema not found") };
        let id = number(versions[version]);
        let answer =
            json!({ "subject": subject, "id": id, "guid": StandIn::guid(id), "version": version + 1 });
        (200, answer.to_string())
    }
}

/// Ids count from 1.
fn number(at: usize) -> u32 {
    u32::try_from(at + 1).unwrap_or(u32::MAX)
}

fn no_subject() -> (u16, String) {
    no(404, 40401, "Subject not found")
}

fn no(status: u16, code: u32, message: &str) -> (u16, String) {
    (status, json!({ "error_code": code, "message": message }).to_string())
}

fn decoded(step: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = step.as_bytes();
    while let [first, behind @ ..] = rest {
        let pair = behind.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        match pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()).filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
