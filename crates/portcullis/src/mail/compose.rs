//! A letter as the bytes that go over the wire (RFC 5322, MIME): always the same ones for the same letter, so that
//! two deliveries of one are recognised as one.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use app::mail::Parcel;
use kernel::Timestamp;
use lettre::Address;
use lettre::address::Envelope;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, MultiPartKind, SinglePart};

use crate::settings::Sender;

/// The letter could not be put into its wire form.
#[derive(Debug, thiserror::Error)]
#[error("the letter could not be put into the form of mail")]
pub(super) struct ComposeError;

/// The envelope and the message.
pub(super) fn compose(parcel: &Parcel, from: &Sender) -> Result<(Envelope, Vec<u8>), ComposeError> {
    let sender = address(&from.address)?;
    let receiver = address(parcel.message.to())?;
    let parts = MultiPart::builder()
        .kind(MultiPartKind::Alternative)
        .boundary(format!("={}", parcel.id))
        .singlepart(SinglePart::plain(parcel.message.text().to_owned()))
        .singlepart(SinglePart::html(parcel.message.html().to_owned()));
    let message = lettre::Message::builder()
        .message_id(Some(format!("<{}@{}>", parcel.id, from.address.domain())))
        .date(moment(parcel.made_at))
        .from(Mailbox::new(from.name.clone(), sender.clone()))
        .to(Mailbox::new(None, receiver.clone()))
        .subject(parcel.message.subject())
        // No mailing list and no answering machine should answer a machine (RFC 3834 §5).
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ))
        .multipart(parts)
        .map_err(|_| ComposeError)?;
    let envelope = Envelope::new(Some(sender), vec![receiver]).map_err(|_| ComposeError)?;
    Ok((envelope, message.formatted()))
}

fn address(address: &mail::Address) -> Result<Address, ComposeError> {
    Address::new(address.local(), address.domain()).map_err(|_| ComposeError)
}

fn moment(at: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(at.unix_seconds().unsigned_abs())
}

#[cfg(test)]
mod tests {
    use kernel::{LetterId, Timestamp};
    use mail::{Address, Letter, Letterhead, Link, Words};

    use super::*;

    fn parcel(name: &str) -> Parcel {
        let to = Address::parse("someone@example.org").unwrap();
        let link = Link::parse("https://portcullis.example.com/accept?token=1").unwrap();
        let letter = Letter::Invitation {
            organization: Words::name(name),
            role: kernel::MemberRole::Member,
            by: Words::name(name),
            link: link.clone(),
            until: Timestamp::from_unix_micros(1_800_000_000_000_000),
        };
        Parcel {
            id: "01890000-0000-7000-8000-000000000001".parse::<LetterId>().unwrap(),
            made_at: Timestamp::from_unix_micros(1_700_000_000_000_000),
            message: letter.write(&Letterhead { instance: link }, &to).unwrap(),
        }
    }

    fn sender(name: &str) -> Sender {
        Sender { name: Some(name.to_owned()), address: Address::parse("portcullis@example.com").unwrap() }
    }

    #[test]
    fn headers_are_ours_and_the_bytes_are_the_same_each_time() {
        let (envelope, bytes) = compose(&parcel("Example"), &sender("Portcullis")).unwrap();
        assert_eq!(bytes, compose(&parcel("Example"), &sender("Portcullis")).unwrap().1);
        assert_eq!(envelope.to()[0].to_string(), "someone@example.org");
        let text = String::from_utf8(bytes).unwrap();
        let head = text.split_once("\r\n\r\n").unwrap().0;
        for line in [
            "Message-ID: <01890000-0000-7000-8000-000000000001@example.com>",
            "Date: Tue, 14 Nov 2023 22:13:20 +0000",
            "From: Portcullis <portcullis@example.com>",
            "To: someone@example.org",
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
        ] {
            assert!(head.lines().any(|header| header == line), "{line} is not in\n{head}");
        }
        assert!(head.contains("multipart/alternative"), "{head}");
        assert!(text.is_ascii(), "every server takes it");
        assert!(text.lines().all(|line| line.len() <= 998), "RFC 5322 §2.1.1");
    }

    #[test]
    fn no_name_adds_a_header_or_a_part() {
        for name in [
            "a\r\nBcc: everybody@example.com",
            "\u{fc}\u{4e2d}\u{1f600} \"quoted\" <angle@example.com>",
            "=?utf-8?q?=0D=0ABcc:_everybody@example.com?=",
            "--=01890000-0000-7000-8000-000000000001--",
        ] {
            let (envelope, bytes) = compose(&parcel(name), &sender("Gate, the (first) \u{fc}")).unwrap();
            assert_eq!(envelope.to().len(), 1);
            let text = String::from_utf8(bytes).unwrap();
            let head = text.split_once("\r\n\r\n").unwrap().0;
            let names: Vec<&str> = head
                .lines()
                .filter(|line| !line.starts_with([' ', '\t']))
                .map(|line| line.split(':').next().unwrap())
                .collect();
            let known = [
                "Message-ID",
                "Date",
                "From",
                "To",
                "Subject",
                "Auto-Submitted",
                "MIME-Version",
                "Content-Type",
            ];
            assert!(names.iter().all(|name| known.contains(name)) && names.len() == known.len(), "{names:?}");
            let marks = text.lines().filter(|line| line.starts_with("--=01890000")).count();
            assert_eq!(marks, 3, "two parts and an end: {name}");
        }
    }
}
