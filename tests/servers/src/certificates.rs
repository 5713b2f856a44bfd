//! Certificates made for one test.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, Error, IsCa, KeyPair};

/// The files of a certificate authority and of what it signed, in PEM: a server's certificate for `127.0.0.1` and
/// `localhost`, and a client's.
#[derive(Clone, Debug)]
pub struct Certificates {
    folder: PathBuf,
}

impl Certificates {
    /// Makes them all in a folder.
    ///
    /// # Panics
    ///
    /// When the folder cannot be written.
    pub fn make(folder: &Path) -> Self {
        let certificates = Self { folder: folder.to_owned() };
        for (path, text) in make().expect("the parameters are right") {
            fs::write(folder.join(path), text).expect("the folder can be written");
        }
        certificates
    }

    /// The authority's certificate: what a client trusts.
    pub fn authority(&self) -> PathBuf {
        self.folder.join("authority.pem")
    }

    /// The server's certificate.
    pub fn server(&self) -> PathBuf {
        self.folder.join("server.pem")
    }

    /// The server's key.
    pub fn server_key(&self) -> PathBuf {
        self.folder.join("server.key")
    }

    /// The client's certificate, whose subject is `CN=client`.
    pub fn client(&self) -> PathBuf {
        self.folder.join("client.pem")
    }

    /// The client's key.
    pub fn client_key(&self) -> PathBuf {
        self.folder.join("client.key")
    }
}

fn make() -> Result<[(&'static str, String); 5], Error> {
    let mut authority = parameters("authority", &[])?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    let [server_key, client_key] = [KeyPair::generate()?, KeyPair::generate()?];
    let server = parameters("server", &["127.0.0.1", "localhost"])?.signed_by(&server_key, &authority)?;
    let client = parameters("client", &[])?.signed_by(&client_key, &authority)?;
    Ok([
        ("authority.pem", authority.pem()),
        ("server.pem", server.pem()),
        ("server.key", server_key.serialize_pem()),
        ("client.pem", client.pem()),
        ("client.key", client_key.serialize_pem()),
    ])
}

fn parameters(name: &str, hosts: &[&str]) -> Result<CertificateParams, Error> {
    let mut parameters =
        CertificateParams::new(hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>())?;
    parameters.distinguished_name.push(DnType::CommonName, name);
    Ok(parameters)
}
