//! What a broker needs to be told to ask for TLS and SASL.

use std::fs;

use super::{PASSWORD, USER};
use crate::certificates::Certificates;

const MODULES: &str = "org.apache.kafka.common.security";

/// The properties of the listener `CLIENT`.
pub(super) fn properties(certificates: &Certificates) -> Vec<(String, String)> {
    let own = |name: &str, value: String| (format!("listener.name.client.{name}"), value);
    let login = |mechanism: &str, module: &str, options: &str| {
        let value = format!("{MODULES}.{module} required{options};");
        own(&format!("{mechanism}.sasl.jaas.config"), value)
    };
    let protocols = "CONTROLLER:PLAINTEXT,DIRECT:PLAINTEXT,CLIENT:SASL_SSL";
    vec![
        ("listener.security.protocol.map".to_owned(), protocols.to_owned()),
        own("sasl.enabled.mechanisms", "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER".to_owned()),
        login("plain", "plain.PlainLoginModule", &format!(" user_{USER}=\"{PASSWORD}\"")),
        login("scram-sha-256", "scram.ScramLoginModule", ""),
        login("scram-sha-512", "scram.ScramLoginModule", ""),
        login(
            "oauthbearer",
            "oauthbearer.OAuthBearerLoginModule",
            " unsecuredLoginStringClaim_sub=\"broker\"",
        ),
        own("ssl.keystore.type", "PEM".to_owned()),
        own("ssl.keystore.location", key_store(certificates)),
        own("ssl.truststore.type", "PEM".to_owned()),
        own("ssl.truststore.location", certificates.authority().display().to_string()),
        own("ssl.client.auth", "requested".to_owned()),
    ]
}

/// Users by SCRAM are part of the cluster's metadata, from its first record on.
pub(super) fn scram_users() -> Vec<String> {
    let user = |mechanism| {
        ["--add-scram".to_owned(), format!("SCRAM-SHA-{mechanism}=[name={USER},password={PASSWORD}]")]
    };
    [256, 512].into_iter().flat_map(user).collect()
}

/// Kafka wants the key and its certificate in one file.
fn key_store(certificates: &Certificates) -> String {
    let read = |path| fs::read_to_string(path).expect("it was written just now");
    let file = certificates.server().with_file_name("server-with-key.pem");
    fs::write(&file, read(certificates.server_key()) + &read(certificates.server()))
        .expect("the folder can be written");
    file.display().to_string()
}
