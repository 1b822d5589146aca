//! What must be left alone.

use super::found;

#[test]
fn things_that_only_look_like_it() {
    for text in [
        "Release notes 28.9.79: fixes the crash",
        "version 10.2.33.4 is out",
        "upgrade to v1.2.3.4",
        "pkg-1.2.3.4-beta",
        "1.2.3.4.5",
        "256.1.1.1",
        "01.02.03.04",
        "127.0.0.1",
        "550e8400-e29b-41d4-a716-446655440000",
        "2024-01-15T20:04:30.123456789Z",
        "at 12:30:45 on 12/19/2024",
        "1700000000",
        "commit e83c5163316f89bfbde7d9ab23ca2e25604af290",
        "SHA256:20b1fd971e877833ca26f816efbe03f76aacf87b",
        "order ORD-9484691243",
        "ticket INV-8857490",
        "The number 4111111111111112 is not a card",
        "ISBN 978-2-483-93550-3 is out of print",
        "SELECT * FROM orders WHERE id = 53953220 LIMIT 10;",
        "INTRODUCTORY remarks on public policy",
        "std::vec::Vec<u8>",
        "face::b00k",
        "00:1a:2b:3c:4d:5e",
        "password = os.environ[\"DB_PASSWORD\"]",
        "export DB_PASSWORD=${DB_PASSWORD}",
        "api_key=\"<YOUR_API_KEY>\"",
        "I forgot my password, how do I reset it?",
        "The token limit of the model is 24659048 and the context window is 128k.",
        "token: string",
        "password: null",
        "the secret is out",
        "csrf-token=Mj2qykJO5rELyHgezQ69nzUX0i3OH67V7",
        "npm install left-pad@1.3.0",
        "@mention and a@b and user@localhost",
        "curl -u user:$PASSWORD https://example.com/endpoint",
        "http://example.com:8080/a@b",
        "-----BEGIN CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkq\n-----END PUBLIC KEY-----",
        "-----BEGIN OPENSSH PRIVATE KEY----------END OPENSSH PRIVATE KEY-----",
        "SELECT * FROM orders WHERE id = 937940544",
        "sk-ant-api03-abc123xyz-456de-klMnopqrstuvwx-3456yza789bcde-1234fghijklmnopAA",
        "xoxe.xoxp-1-SlackAppConfigurationAccessTokenHere",
        "\"token4\": \"xoxp-572370529330-573807301142-572331691188-####################\"",
        "ABSKQmVkcm9ja0FQSUtleS1EXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPLE=",
        "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
        "666-12-1234 000-12-1234 123-00-1234 123-45-0000",
        "957 12 0934 957.12.0934 957120934 957-00-0934 957-12-0000",
        "GB83WEST12345698765432",
        "2341 2341 2345",
        "111.444.777-36",
        "12345678A",
        "RSSMRA85T10A562T",
        "bearer of good news",
        "basic authentication",
        "lines 100-200-3000",
        "call on 08/16/2000 03:14:14 PM",
    ] {
        assert_eq!(found(text), [], "{text}");
    }
}

/// A word counts only as a whole: `lic` in `public` must not make a licence out of a number.
#[test]
fn words_count_only_whole() {
    assert_eq!(found("public driverless policy 12345678"), []);
    assert_eq!(found("dispassport 123456789"), []);
    assert_eq!(found("the cell wall 123456789 of cancelled").len(), 1);
    assert_eq!(found("cellular 123456789 cancelled"), []);
    let far = format!("passport {} 123456789", "and so on ".repeat(6));
    assert_eq!(found(&far), []);
}
