//! Encryption and logins on a real NATS server: what is right gets in, and what is wrong says what it is, without the
//! secret.

#![expect(clippy::unwrap_used, reason = "helpers of tests panic as tests do")]

use messaging::{Broker, Commit, Config, LaneConfig, Limits, NatsSettings, Output, Start};
use runtime::config::Secret;
use servers::Nats;

const LIMITS: Limits = Limits { records: 1_000, bytes: 1 << 20 };

/// A key pair that was made for this test.
const SEED: &str = "SUAM62VJDTAEBHAJU2TCVROF5XLBNZ73PBEUXHKUP5CO5PL7V4SXW2SAJ4";
const PUBLIC: &str = "UD3ZSR2U75ZOLNWNDFMZLZDLPNSIGMPQLQUEZ2ZIDYNXNKD4Z33UN42S";

fn config(server: &Nats, settings: NatsSettings) -> Config {
    let mut config = Config::new(server.url());
    config.nats = settings;
    config
}

/// Produces, takes, commits and reads.
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
    Broker::open(config).await.unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_log_in() {
    let server = Nats::builder().configure("authorization { user: me, password: s3cret }").start();
    let with = |password: &str| NatsSettings {
        user: Some("me".to_owned()),
        password: Some(Secret::new(password)),
        ..NatsSettings::default()
    };
    copies_a_record(&config(&server, with("s3cret"))).await;
    let wrong = config(&server, with("wr0ng"));
    let refused = refusal(&wrong).await;
    assert!(refused.contains("authorization violation") && !refused.contains("wr0ng"), "{refused}");
    assert!(!format!("{wrong:?}").contains("wr0ng"));
    let refused = refusal(&config(&server, NatsSettings::default())).await;
    assert!(refused.contains("authorization violation"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_log_in() {
    let server = Nats::builder().configure("authorization { token: s3cret }").start();
    let with = |token: &str| NatsSettings { token: Some(Secret::new(token)), ..NatsSettings::default() };
    copies_a_record(&config(&server, with("s3cret"))).await;
    let refused = refusal(&config(&server, with("wr0ng"))).await;
    assert!(refused.contains("authorization violation") && !refused.contains("wr0ng"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_log_in() {
    let server =
        Nats::builder().configure(&format!("authorization {{ users = [{{ nkey: {PUBLIC} }}] }}")).start();
    let with = |seed: &str| NatsSettings { nkey: Some(Secret::new(seed)), ..NatsSettings::default() };
    copies_a_record(&config(&server, with(SEED))).await;
    let refused = refusal(&config(&server, with("SUWRONG"))).await;
    assert!(refused.contains("cannot connect") && !refused.contains("SUWRONG"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_shown_and_checked() {
    let server = Nats::builder().secured().start();
    let certificates = server.certificates();
    let right = NatsSettings {
        ca_file: Some(certificates.authority()),
        certificate_file: Some(certificates.client()),
        key_file: Some(certificates.client_key()),
        require_tls: true,
        ..NatsSettings::default()
    };
    copies_a_record(&config(&server, right.clone())).await;
    let stranger = NatsSettings { ca_file: None, ..right.clone() };
    let refused = refusal(&config(&server, stranger)).await;
    assert!(refused.contains("certificate"), "{refused}");
    let nobody = NatsSettings { certificate_file: None, key_file: None, ..right };
    let refused = refusal(&config(&server, nobody)).await;
    assert!(refused.contains("cannot connect"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn server_without_tls_is_refused_where_it_is_required() {
    let settings = NatsSettings { require_tls: true, ..NatsSettings::default() };
    let refused = refusal(&config(Nats::shared(), settings)).await;
    assert!(refused.contains("does the server speak TLS?"), "{refused}");
}
