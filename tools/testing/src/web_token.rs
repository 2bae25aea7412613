//! JSON web tokens (RFC 7519) as the distribution registry reads them.

use std::io;

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::Engine as _;
use ring::rand::SystemRandom;
use ring::signature::{EcdsaKeyPair, ECDSA_P256_SHA256_FIXED_SIGNING};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{json, Value};

use crate::certificates::{Authority, Certificate};

/// Signs tokens with a key whose certificate comes from an authority.
pub(crate) struct Signer {
    key: EcdsaKeyPair,
    random: SystemRandom,
    /// The certificate, in base64 of its DER.
    certificate: String,
}

impl Signer {
    /// One with a new key.
    pub(crate) fn new(authority: &Authority) -> io::Result<Self> {
        let Certificate { pem, key } = authority.certify(&[])?;
        let certificate =
            CertificateDer::from_pem_slice(pem.as_bytes()).map_err(io::Error::other)?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(io::Error::other)?;
        let random = SystemRandom::new();
        let key =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.secret_der(), &random)
                .map_err(failed)?;
        Ok(Self {
            key,
            random,
            certificate: base64::engine::general_purpose::STANDARD.encode(&certificate),
        })
    }

    /// A token that says `claims`.
    pub(crate) fn sign(&self, claims: &Value) -> io::Result<String> {
        // The chain without its root, which the registry knows.
        let header = json!({"typ": "JWT", "alg": "ES256", "x5c": [self.certificate]});
        let signed = format!("{}.{}", encode(&header), encode(claims));
        let signature = self
            .key
            .sign(&self.random, signed.as_bytes())
            .map_err(failed)?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// ring's errors are none of the standard library's in this build.
fn failed(error: impl ToString) -> io::Error {
    io::Error::other(error.to_string())
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[cfg(test)]
mod tests {
    use ring::signature::{KeyPair, UnparsedPublicKey, ECDSA_P256_SHA256_FIXED};

    use super::*;

    #[test]
    fn a_token_carries_its_claims_and_a_signature_over_them(
    ) -> Result<(), Box<dyn std::error::Error>> {
        let signer = Signer::new(&Authority::new("tokens")?)?;
        let claims = json!({"sub": "somebody"});
        let token = signer.sign(&claims)?;
        let parts: Vec<_> = token.split('.').collect();
        let [header, body, signature] = parts[..] else {
            panic!("`{token}` has {} parts", parts.len());
        };
        assert_eq!(
            URL_SAFE_NO_PAD.decode(body)?,
            claims.to_string().into_bytes()
        );
        let signature = URL_SAFE_NO_PAD.decode(signature)?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, signer.key.public_key())
            .verify(format!("{header}.{body}").as_bytes(), &signature)
            .map_err(|_| "the signature is wrong")?;
        Ok(())
    }
}
