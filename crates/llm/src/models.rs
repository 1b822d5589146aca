//! The list served at `/v1/models`.

use crate::json::push_string;

/// One model a caller may use.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    /// The name to put into `model`.
    pub id: &'a str,
    /// When the model was made available, in seconds since 1970-01-01 UTC.
    pub created_unix_s: u64,
    /// Who runs it.
    pub owned_by: &'a str,
}

impl Model<'_> {
    /// The object served at `/v1/models/{id}`.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.push(&mut out);
        out
    }

    fn push(&self, out: &mut String) {
        out.push_str("{\"id\":");
        push_string(out, self.id);
        out.push_str(",\"object\":\"model\",\"created\":");
        out.push_str(&self.created_unix_s.to_string());
        out.push_str(",\"owned_by\":");
        push_string(out, self.owned_by);
        out.push('}');
    }
}

/// The body of `GET /v1/models`, in the order given.
pub fn list_json<'a>(models: impl IntoIterator<Item = Model<'a>>) -> String {
    let mut out = String::from("{\"object\":\"list\",\"data\":[");
    for (index, model) in models.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        model.push(&mut out);
    }
    out.push_str("]}");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_the_shape_the_sdks_read() {
        let models = [
            Model { id: "loopback", created_unix_s: 1_700_000_000, owned_by: "portcullis" },
            Model { id: "a\"b", created_unix_s: 0, owned_by: "example" },
        ];
        let list: serde_json::Value = serde_json::from_str(&list_json(models)).unwrap();
        assert_eq!(list["object"], "list");
        assert_eq!(list["data"][0]["created"], 1_700_000_000_u64);
        assert_eq!(list["data"][1]["id"], "a\"b");
        assert_eq!(list["data"][1]["object"], "model");
        assert_eq!(list_json([]), r#"{"object":"list","data":[]}"#);
    }
}
