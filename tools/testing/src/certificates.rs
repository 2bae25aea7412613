//! Certificates made for a test.

use std::fs;
use std::io;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// Somebody who signs certificates.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its private key, both in PEM.
pub struct Certificate {
    /// The certificate.
    pub pem: String,
    /// Its private key, in PKCS#8.
    pub key: String,
}

impl Authority {
    /// A new one of this name.
    ///
    /// # Errors
    /// If no key can be made.
    pub fn new(name: &str) -> io::Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let issuer = CertifiedIssuer::self_signed(params, key).map_err(io::Error::other)?;
        Ok(Self { issuer })
    }

    /// Its own certificate, in PEM.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for these hosts, or of a client if there are none.
    ///
    /// # Errors
    /// If a name is none.
    pub fn certify(&self, hosts: &[&str]) -> io::Result<Certificate> {
        self.sign(hosts, |_| ())
    }

    /// A certificate that was valid until the year 2000.
    ///
    /// # Errors
    /// If a name is none.
    pub fn certify_until_2000(&self, hosts: &[&str]) -> io::Result<Certificate> {
        self.sign(hosts, |params| {
            params.not_after = rcgen::date_time_ymd(2000, 1, 1);
        })
    }

    fn sign(
        &self,
        hosts: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> io::Result<Certificate> {
        let hosts: Vec<_> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut params = CertificateParams::new(hosts).map_err(io::Error::other)?;
        change(&mut params);
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = params
            .signed_by(&key, &self.issuer)
            .map_err(io::Error::other)?;
        Ok(Certificate {
            pem: certificate.pem(),
            key: key.serialize_pem(),
        })
    }

    /// Writes the files of the Docker CLI's `DOCKER_CERT_PATH` into `folder`: this authority, and a client's certificate.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn write_client_files(
        &self,
        folder: &Path,
        client: Option<&Certificate>,
    ) -> io::Result<()> {
        fs::write(folder.join("ca.pem"), self.pem())?;
        if let Some(client) = client {
            fs::write(folder.join("cert.pem"), &client.pem)?;
            fs::write(folder.join("key.pem"), &client.key)?;
        }
        Ok(())
    }
}
