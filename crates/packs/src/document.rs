//! The files of a pack as one document: what is hashed, signed and kept.
//!
//! `{"files":{"pack.json":"…",…},"kind":"portcullis-policy-pack","v":1}` in canonical JSON (RFC 8785). Files are text, byte
//! for byte, so that a place in the document is a place in the folder. The signature is a detached JWS (RFC 7515 appendix F,
//! RFC 7797) with Ed25519, which any JOSE library checks.

use std::collections::BTreeMap;

use audit_log::VerifierKey;
use audit_log::json::{from_canonical, to_canonical};
use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::manifest::{self, is_name};
use crate::schema;

/// Most files of a pack.
pub const FILES_MAX: usize = 256;
/// Most bytes of a pack's document.
pub const PACK_BYTES_MAX: usize = 512 * 1024;

/// What the document says it is.
pub const KIND: &str = "portcullis-policy-pack";

/// Files that stand beside the policies, each of which says something the product must do.
const PARTS: &[&str] = &["limits.json", "mfa.json", "pii.json", "roles.json", "tools.json"];

/// What is said in a pack for whoever reads the folder.
const READ_ME: &str = "README.md";

/// Something is no document of a pack.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// It is no canonical JSON, or has other members.
    #[error("it is no document of a policy pack: {0}")]
    Shape(String),
    /// It is too large.
    #[error("a pack has at most 256 files and 524,288 bytes")]
    Size,
    /// A file that no pack has.
    #[error(
        "{0} is no file of a pack: it has pack.json, schema.cedarschema, policies/*.cedar, tests/*.json, limits.json, mfa.json, pii.json, roles.json, tools.json and README.md"
    )]
    File(String),
}

/// The files of a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    files: BTreeMap<String, String>,
    bytes: Vec<u8>,
    sha256: [u8; 32],
}

impl Document {
    /// Makes a document of the files of a folder, by their paths inside it, with `/` between.
    ///
    /// # Errors
    /// When there is a file that no pack has, or too much.
    pub fn of_files(files: BTreeMap<String, String>) -> Result<Self, DocumentError> {
        if files.len() > FILES_MAX
            || files.iter().map(|(path, text)| path.len() + text.len()).sum::<usize>() > PACK_BYTES_MAX
        {
            return Err(DocumentError::Size);
        }
        if let Some(stray) = files.keys().find(|path| !is_file(path)) {
            return Err(DocumentError::File(stray.chars().filter(|c| !c.is_control()).take(100).collect()));
        }
        let value = json!({ "files": files, "kind": KIND, "v": 1 });
        let bytes = to_canonical(&value).map_err(|error| DocumentError::Shape(error.to_string()))?;
        if bytes.len() > PACK_BYTES_MAX {
            return Err(DocumentError::Size);
        }
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(digest(&SHA256, &bytes).as_ref());
        Ok(Self { files, bytes, sha256 })
    }

    /// Reads a document that came as JSON, in whatever spelling.
    ///
    /// # Errors
    /// When it is none.
    pub fn of_json(value: &Value) -> Result<Self, DocumentError> {
        let shape = |says: &str| DocumentError::Shape(says.to_owned());
        let members = value.as_object().ok_or_else(|| shape("not an object"))?;
        if members.len() != 3 || members.get("kind").and_then(Value::as_str) != Some(KIND) {
            return Err(shape(
                "it has the members files, kind and v, and says that it is a portcullis-policy-pack",
            ));
        }
        if members.get("v").and_then(Value::as_u64) != Some(1) {
            return Err(shape("v is not 1"));
        }
        let files =
            members.get("files").and_then(Value::as_object).ok_or_else(|| shape("files is no object"))?;
        let texts = files.iter().map(|(path, text)| Some((path.clone(), text.as_str()?.to_owned())));
        let files = texts.collect::<Option<BTreeMap<_, _>>>().ok_or_else(|| shape("a file is no text"))?;
        Self::of_files(files)
    }

    /// Reads the bytes that were kept.
    ///
    /// # Errors
    /// When they are not the canonical bytes of a document.
    pub fn of_bytes(bytes: &[u8]) -> Result<Self, DocumentError> {
        if bytes.len() > PACK_BYTES_MAX {
            return Err(DocumentError::Size);
        }
        let value = from_canonical(bytes).map_err(|error| DocumentError::Shape(error.to_string()))?;
        Self::of_json(&value)
    }

    /// The canonical bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Their SHA-256.
    pub const fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// The files, by path.
    pub const fn files(&self) -> &BTreeMap<String, String> {
        &self.files
    }

    /// The text of a file.
    pub fn file(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Files of a folder.
    pub fn under(&self, folder: &str) -> impl Iterator<Item = (&str, &str)> {
        let within = move |path: &String| path.split('/').next() == Some(folder) && path.contains('/');
        self.files
            .iter()
            .filter(move |(path, _)| within(path))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Signs it: a detached JWS in compact form.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn sign(&self, key: &audit_log::SigningKey) -> Result<String, audit_log::jws::JwsError> {
        audit_log::jws::sign_detached(key, &self.bytes)
    }

    /// The key, of those given, whose signature over this document this is.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn signed_by<'k>(
        &self,
        keys: &'k [VerifierKey],
        jws: &str,
    ) -> Result<&'k VerifierKey, audit_log::jws::JwsError> {
        audit_log::jws::verify_detached(keys, &self.bytes, jws)
    }
}

/// Whether a pack has files of this path.
fn is_file(path: &str) -> bool {
    let within = |folder: &str, ending: &str| {
        path.strip_prefix(folder).and_then(|name| name.strip_suffix(ending)).is_some_and(is_name)
    };
    path == manifest::FILE
        || path == schema::FILE
        || path == READ_ME
        || PARTS.contains(&path)
        || within("policies/", ".cedar")
        || within("tests/", ".json")
}

#[cfg(test)]
mod tests {
    use audit_log::jws::JwsError;
    use audit_log::{KeyName, SigningKey};

    use super::*;

    fn files() -> BTreeMap<String, String> {
        crate::sample::files("sample", crate::Mode::Forbid)
    }

    #[test]
    fn a_document_is_its_bytes_and_every_byte_counts() {
        let document = Document::of_files(files()).unwrap();
        assert_eq!(Document::of_bytes(document.bytes()).as_ref(), Ok(&document));
        let value: Value = serde_json::from_slice(document.bytes()).unwrap();
        assert_eq!(Document::of_json(&value).as_ref(), Ok(&document));
        let key = SigningKey::from_seed(KeyName::new("policy.example.com").unwrap(), &[7; 32]).unwrap();
        let other = SigningKey::from_seed(KeyName::new("policy.example.com").unwrap(), &[8; 32]).unwrap();
        let jws = document.sign(&key).unwrap();
        let keys = [key.verifier().clone()];
        assert_eq!(document.signed_by(&keys, &jws), Ok(key.verifier()));
        assert_eq!(document.signed_by(&[other.verifier().clone()], &jws), Err(JwsError::UnknownKey));
        let mut changed = files();
        changed.get_mut("README.md").unwrap().push('.');
        let changed = Document::of_files(changed).unwrap();
        assert_eq!(changed.signed_by(&keys, &jws), Err(JwsError::Signature));
    }

    #[test]
    fn what_no_pack_has_makes_no_document() {
        for stray in
            ["policies/a.txt", "policies/A.cedar", "policies/../a.cedar", "a.cedar", "tests/a/b.json", "x"]
        {
            let mut files = files();
            files.insert(stray.to_owned(), String::new());
            assert_eq!(Document::of_files(files), Err(DocumentError::File(stray.to_owned())), "{stray}");
        }
        let mut large = files();
        large.insert("README.md".to_owned(), "x".repeat(PACK_BYTES_MAX));
        assert_eq!(Document::of_files(large), Err(DocumentError::Size));
        for bad in [
            "",
            "{}",
            "[]",
            r#"{"files":{},"kind":"other","v":1}"#,
            r#"{"files":{"pack.json":1},"kind":"portcullis-policy-pack","v":1}"#,
        ] {
            assert!(matches!(Document::of_bytes(bad.as_bytes()), Err(DocumentError::Shape(_))), "{bad}");
        }
    }
}
