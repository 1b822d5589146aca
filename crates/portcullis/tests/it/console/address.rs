//! Another address, as the console leads to it.

use kernel::MemberRole;

use super::Browser;
use crate::house::members::Somebody;
use crate::house::people::{SITE, address, letter, token};
use crate::house::{Build, Tenant, run};

#[test]
fn an_address_is_changed_in_the_account_that_asked_and_nowhere_else() {
    run(async |house| {
        let desk = house.shared().await;
        let wire = Build::over(&desk.vault).serve().await;
        let tenant = Tenant::make(&desk.vault, "Addresses").await;
        let asker = Somebody::member(&desk.vault, tenant.id, MemberRole::Member).await;
        let other = Somebody::member(&desk.vault, tenant.id, MemberRole::Member).await;
        let (mut browser, mut victim) = (Browser::of(&wire, &asker), Browser::of(&wire, &other));
        let next = address();
        let there = browser.accepted("/security/email", &[("email", &next)]).await;
        assert_eq!(there, "/security/email/sent");
        assert!(browser.page("/security/email").await.contains(&next), "what waits is shown");
        let text = letter(&desk.vault, &next, "address_change_requested").await.expect("a letter");
        let link = format!("/security/email/confirm?t={}", token(&text));
        assert!(text.contains(&format!("{SITE}{link}")));
        // Whoever is signed in to another account is asked nothing and told why.
        let refused = victim.get(&link).await;
        assert_eq!(refused.status, 403);
        assert!(refused.text().contains("Another account asked for this address"), "{}", refused.text());
        assert!(!refused.text().contains(&asker.address));
        victim.back(&link, &[], 403).await;
        assert!(victim.page("/security/email").await.contains(&other.address));
        let asked = browser.page(&link).await;
        assert!(
            asked.contains(&asker.address) && asked.contains(&next),
            "the page names the account: {asked}"
        );
        // Withdrawn, its link leads nowhere; twice is no mistake.
        browser.done("/security/email/withdraw", &[], "The change is withdrawn").await;
        browser.accepted("/security/email/withdraw", &[]).await;
        assert!(!browser.page("/security/email").await.contains(&next));
        let dead = browser.get(&link).await;
        assert!(
            dead.status == 404 && dead.text().contains("This link does not work any more"),
            "{}",
            dead.text()
        );
        browser.back(&link, &[], 404).await;
        browser.accepted("/security/email", &[("email", &next)]).await;
        let text = letter(&desk.vault, &next, "address_change_requested").await.expect("a letter");
        let link = format!("/security/email/confirm?t={}", token(&text));
        browser.done(&link, &[], "Your address is changed.").await;
        assert!(browser.page("/security/email").await.contains(&next));
    });
}
