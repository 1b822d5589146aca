use axum::body::Body;
use http::Request;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::*;

fn written() -> String {
    html::page(&serde_json::to_value(crate::openapi()).unwrap())
}

#[test]
fn the_page_has_nothing_inline_and_nothing_from_elsewhere() {
    let page = written();
    assert!(!page.contains("<style") && !page.contains(" style="));
    assert_eq!(page.matches("<script").count(), 1);
    assert!(page.contains("<script src=\"/docs/viewer.js\" defer></script>"));
    for event in [" onclick", " onload", " onerror", " oninput", "javascript:"] {
        assert!(!page.contains(event), "{event}");
    }
    assert!(!page.contains("src=\"http") && !page.contains("href=\"http") && !page.contains("href=\"//"));
    for sink in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"] {
        assert!(!SCRIPT.contains(sink), "{sink}");
    }
    assert!(!STYLE.contains("@import") && !STYLE.contains("url("));
}

#[test]
fn every_operation_is_on_the_page_once() {
    let page = written();
    let api = serde_json::to_value(crate::openapi()).unwrap();
    let mut operations = 0;
    for item in api["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap();
            assert_eq!(page.matches(&format!("<details id=\"{id}\">")).count(), 1, "{id}");
            operations += 1;
        }
    }
    assert_eq!(page.matches("<details").count(), operations);
    assert_eq!(page.matches("<pre class=\"curl\">").count(), operations);
}

#[test]
fn text_of_the_description_is_escaped() {
    let api = serde_json::json!({
        "info": {"description": "<img src=x onerror=alert(1)> & \"'"},
        "tags": [], "paths": {},
    });
    let page = html::page(&api);
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt; &amp; &quot;&#39;"));
    assert!(!page.contains("<img"));
}

#[tokio::test]
async fn the_files_are_served_under_the_strict_policy() {
    let router =
        crate::http::tests::mannered(routes(&crate::openapi()), crate::http::HttpSettings::default());
    for (path, media_type) in [
        ("/docs", "text/html; charset=utf-8"),
        ("/docs/viewer.css", "text/css; charset=utf-8"),
        ("/docs/viewer.js", "text/javascript; charset=utf-8"),
        ("/openapi.json", "application/json"),
    ] {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["content-type"], media_type);
        assert_eq!(response.headers()["content-security-policy"], CSP_PAGES);
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert!(!response.into_body().collect().await.unwrap().to_bytes().is_empty());
    }
}
