//! The page, written from the description.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::describe::{CALLER, PERMISSION};

/// Levels of schemas shown inside each other.
const DEPTH_MAX: usize = 6;
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// A page under construction. Whatever is written as text is escaped.
struct Page<'a> {
    out: String,
    schemas: &'a Map<String, Value>,
}

/// The whole page.
pub(super) fn page(api: &Value) -> String {
    let none = Map::new();
    let schemas = api["components"]["schemas"].as_object().unwrap_or(&none);
    let mut page = Page { out: String::with_capacity(256 * 1024), schemas };
    page.raw(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>Portcullis API</title>\
         <link rel=\"stylesheet\" href=\"/docs/viewer.css\">\
         <script src=\"/docs/viewer.js\" defer></script></head><body>\
         <a class=\"skip\" href=\"#operations\">Skip to the operations</a><header><h1>Portcullis API</h1><p>",
    );
    page.text(string(&api["info"]["description"]));
    page.raw(
        "</p><p><a href=\"/openapi.json\">openapi.json</a></p>\
         <p id=\"search\" hidden><label for=\"query\">Search</label> \
         <input id=\"query\" type=\"search\" autocomplete=\"off\"> <span id=\"found\" role=\"status\"></span></p>\
         </header><main id=\"operations\">",
    );
    for tag in list(&api["tags"]) {
        page.group(api, string(&tag["name"]), string(&tag["description"]));
    }
    page.raw("</main></body></html>\n");
    page.out
}

impl Page<'_> {
    fn raw(&mut self, markup: &str) {
        self.out.push_str(markup);
    }

    fn text(&mut self, text: &str) {
        for letter in text.chars() {
            match letter {
                '&' => self.raw("&amp;"),
                '<' => self.raw("&lt;"),
                '>' => self.raw("&gt;"),
                '"' => self.raw("&quot;"),
                '\'' => self.raw("&#39;"),
                other => self.out.push(other),
            }
        }
    }

    fn element(&mut self, tag: &str, class: &str, text: &str) {
        let _ = write!(self.out, "<{tag} class=\"{class}\">");
        self.text(text);
        let _ = write!(self.out, "</{tag}>");
    }

    fn group(&mut self, api: &Value, tag: &str, description: &str) {
        let _ = write!(self.out, "<section aria-labelledby=\"tag-{tag}\"><h2 id=\"tag-{tag}\">");
        self.text(tag);
        self.raw("</h2><p>");
        self.text(description);
        self.raw("</p>");
        for (path, item) in entries(&api["paths"]) {
            for method in METHODS {
                let operation = &item[method];
                if list(&operation["tags"]).iter().any(|name| name == tag) {
                    self.operation(method, path, operation);
                }
            }
        }
        self.raw("</section>");
    }

    fn operation(&mut self, method: &str, path: &str, operation: &Value) {
        let id = string(&operation["operationId"]);
        let _ = write!(self.out, "<details id=\"{id}\"><summary>");
        self.element("span", &format!("method {method}"), &method.to_uppercase());
        self.raw(" ");
        self.element("code", "path", path);
        self.raw(" ");
        self.element("span", "what", string(&operation["summary"]));
        if let Some(permission) = operation[PERMISSION].as_str() {
            self.raw(" ");
            self.element("span", "permission", permission);
        }
        self.raw("</summary><div class=\"operation\"><p>");
        self.text(string(&operation["description"]));
        self.raw("</p><p class=\"id\">Operation <code>");
        self.text(id);
        self.raw("</code>");
        match (operation[PERMISSION].as_str(), operation[CALLER].as_str()) {
            (Some(permission), Some(caller)) => {
                self.raw("; needs <code>");
                self.text(permission);
                self.raw("</code>; for ");
                self.text(caller);
            }
            _ => self.raw("; open to everybody"),
        }
        self.raw(".</p>");
        self.parameters(operation);
        let body = &operation["requestBody"];
        for (media_type, content) in entries(&body["content"]) {
            self.content("Request body", media_type, content);
        }
        self.curl(method, path, operation);
        self.raw("<h3>Answers</h3><dl class=\"answers\">");
        for (status, response) in entries(&operation["responses"]) {
            self.element("dt", if status.starts_with('2') { "good" } else { "bad" }, status);
            self.raw("<dd>");
            self.text(string(&response["description"]));
            if status.starts_with('2') {
                for (media_type, content) in entries(&response["content"]) {
                    self.content("Body", media_type, content);
                }
            }
            self.raw("</dd>");
        }
        self.raw("</dl></div></details>");
    }

    fn parameters(&mut self, operation: &Value) {
        let parameters = list(&operation["parameters"]);
        if parameters.is_empty() {
            return;
        }
        self.raw("<h3>Parameters</h3><ul class=\"fields\">");
        for parameter in parameters {
            self.raw("<li>");
            self.element("code", "name", string(&parameter["name"]));
            let place = format!(" {} ", string(&parameter["in"]));
            self.text(&place);
            self.element("span", "type", &kind(&parameter["schema"]));
            self.required(parameter["required"] == true);
            self.raw(" ");
            self.text(string(&parameter["description"]));
            self.raw("</li>");
        }
        self.raw("</ul>");
    }

    fn required(&mut self, required: bool) {
        if required {
            self.raw(" ");
            self.element("span", "required", "required");
        }
    }

    fn content(&mut self, title: &str, media_type: &str, content: &Value) {
        self.element("h3", "", &format!("{title}: {media_type}"));
        self.fields(&content["schema"], 0);
        if let Some(example) = content.get("example") {
            self.element("pre", "example", &serde_json::to_string_pretty(example).unwrap_or_default());
        }
    }

    fn fields(&mut self, schema: &Value, depth: usize) {
        let schemas = self.schemas;
        let schema = follow(schemas, schema);
        let parts: Vec<&Value> = std::iter::once(schema)
            .chain(list(&schema["allOf"]).iter().map(|part| follow(schemas, part)))
            .collect();
        if depth >= DEPTH_MAX || parts.iter().all(|part| part["properties"].is_null()) {
            return;
        }
        self.raw("<ul class=\"fields\">");
        for part in parts {
            for (name, field) in entries(&part["properties"]) {
                self.raw("<li>");
                self.element("code", "name", name);
                self.raw(" ");
                self.element("span", "type", &kind(field));
                self.required(list(&part["required"]).iter().any(|required| required == name));
                self.raw(" ");
                self.text(string(&field["description"]));
                let inner = [&field["items"], &field["additionalProperties"], field];
                if let Some(inner) = inner.into_iter().find(|inner| inner.is_object()) {
                    self.fields(inner, depth + 1);
                }
                self.raw("</li>");
            }
        }
        self.raw("</ul>");
    }

    fn curl(&mut self, method: &str, path: &str, operation: &Value) {
        let mut line = String::from("curl");
        if method != "get" {
            let _ = write!(line, " -X {}", method.to_uppercase());
        }
        if !operation[PERMISSION].is_null() {
            line.push_str(" -H \"Authorization: Bearer $PORTCULLIS_API_KEY\"");
        }
        if let Some(example) = operation["requestBody"]["content"]["application/json"].get("example") {
            let _ = write!(line, " -H 'Content-Type: application/json' -d '{example}'");
        }
        let _ = write!(line, " \"$PORTCULLIS_URL{path}\"");
        self.element("pre", "curl", &line);
    }
}

/// The type of a value in a word or two.
fn kind(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        return reference.rsplit('/').next().unwrap_or_default().to_owned();
    }
    let name = match &schema["type"] {
        Value::String(name) => name.clone(),
        Value::Array(names) => names.iter().map(string).collect::<Vec<_>>().join(" or "),
        _ => list(&schema["oneOf"]).iter().map(kind).collect::<Vec<_>>().join(" or "),
    };
    let name = if name == "array" { format!("list of {}", kind(&schema["items"])) } else { name };
    match schema["format"].as_str() {
        Some(format) => format!("{name} ({format})"),
        None => name,
    }
}

fn follow<'a>(schemas: &'a Map<String, Value>, schema: &'a Value) -> &'a Value {
    let name = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/components/schemas/"));
    name.and_then(|name| schemas.get(name)).unwrap_or(schema)
}

fn string(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}
