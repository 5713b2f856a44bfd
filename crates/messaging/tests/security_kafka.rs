//! Encryption and logins on a real Kafka: what is right gets in, and what is wrong says what it is, without the secret.

#![expect(clippy::unwrap_used, reason = "helpers of tests panic as tests do")]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::LazyLock;

use messaging::{
    Broker, Commit, Config, Error, KafkaSettings, LaneConfig, Limits, Output, Sasl, SaslMechanism, Start, Tls,
};
use runtime::config::Secret;
use servers::Kafka;

static SECURED: LazyLock<Kafka> = LazyLock::new(|| Kafka::builder().secured().start());

const LIMITS: Limits = Limits { records: 1_000, bytes: 1 << 20 };

fn tls() -> Tls {
    Tls { ca_file: Some(SECURED.certificates().authority()), ..Tls::default() }
}

fn password(mechanism: SaslMechanism, password: &str) -> Sasl {
    Sasl {
        mechanism,
        username: Some(servers::USER.to_owned()),
        password: Some(Secret::new(password)),
        token_endpoint: None,
        client_id: None,
        client_secret: None,
        scope: None,
    }
}

fn config(prefix: &str, tls: Option<Tls>, sasl: Option<Sasl>) -> Config {
    let mut config = Config::new(SECURED.url());
    config.kafka = KafkaSettings {
        prefix: format!("{prefix}."),
        create_topics: true,
        tls,
        sasl,
        ..KafkaSettings::default()
    };
    config
}

/// Produces, takes, commits and reads: every client there is logs in.
async fn copies_a_record(config: &Config) {
    let broker = Broker::open(config).await.unwrap();
    let output = Output {
        topic: "in".into(),
        partition: None,
        timestamp: 1_364_774_400_000,
        key: Some("key".into()),
        value: Some("value".into()),
        headers: messaging::Headers::new(),
    };
    broker.writer().append(vec![output.clone()]).await.unwrap();
    let group = LaneConfig { group: "g".to_owned(), topics: vec!["in".to_owned()], start: Start::Earliest };
    let mut lane = broker.lane(group).await.unwrap();
    let batch = lane.take(LIMITS).await.unwrap();
    let copy = Output { topic: "out".into(), ..output };
    assert_eq!(lane.commit(batch, vec![copy]).await.unwrap(), Commit::Committed);
    let mut reader = broker.reader(&["out".to_owned()], Start::Earliest).await.unwrap();
    assert_eq!(reader.read(LIMITS).await.unwrap().len(), 1);
    broker.close().await;
}

async fn refusal(config: &Config) -> String {
    match Broker::open(config).await {
        Ok(_) => panic!("it was let in"),
        Err(error @ Error::Server { .. }) => error.to_string(),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_log_in() {
    for mechanism in [SaslMechanism::Plain, SaslMechanism::ScramSha256, SaslMechanism::ScramSha512] {
        let sasl = password(mechanism, servers::PASSWORD);
        copies_a_record(&config(&format!("{mechanism:?}"), Some(tls()), Some(sasl))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificate_of_ours_is_shown() {
    let certificates = SECURED.certificates();
    let tls = Tls {
        certificate_file: Some(certificates.client()),
        key_file: Some(certificates.client_key()),
        ..tls()
    };
    let sasl = password(SaslMechanism::Plain, servers::PASSWORD);
    copies_a_record(&config("certificate", Some(tls), Some(sasl))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_an_endpoint_log_in() {
    let endpoint = token_endpoint();
    let sasl = Sasl {
        username: None,
        password: None,
        token_endpoint: Some(endpoint),
        client_id: Some("serin".to_owned()),
        client_secret: Some(Secret::new("secret-of-the-client")),
        scope: Some("events".to_owned()),
        ..password(SaslMechanism::OauthBearer, "")
    };
    copies_a_record(&config("tokens", Some(tls()), Some(sasl))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_password_is_refused_and_not_shown() {
    let sasl = password(SaslMechanism::ScramSha256, "not-the-password");
    let message = refusal(&config("wrong", Some(tls()), Some(sasl))).await;
    assert!(message.contains("uthentication") && !message.contains("not-the-password"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn stranger_s_certificate_is_refused() {
    // Without our authority's file the system's authorities count, and none of them knows this server.
    let sasl = password(SaslMechanism::Plain, servers::PASSWORD);
    let message = refusal(&config("stranger", Some(Tls::default()), Some(sasl))).await;
    assert!(message.contains("certificate verify failed"), "{message}");
}

/// An endpoint that gives everybody an unsigned token, as a broker under test takes it.
fn token_endpoint() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4_096];
            let read = stream.read(&mut request).unwrap();
            let request = String::from_utf8_lossy(&request[..read]).into_owned();
            assert!(request.contains("grant_type=client_credentials"), "{request}");
            // {"alg":"none"} . {"sub":"serin","iat":1700000000,"exp":4102444800}
            let token =
                "eyJhbGciOiJub25lIn0.eyJzdWIiOiJzZXJpbiIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjo0MTAyNDQ0ODAwfQ.";
            let body = format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":3600}}"#);
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}",
                body.len()
            );
            write!(stream, "{head}\r\nConnection: close\r\n\r\n{body}").unwrap();
        }
    });
    format!("http://{address}/token")
}
