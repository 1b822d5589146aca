//! The server's own log shown to witnesses: each new head of the instance's log, as soon as it is signed.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use app::audit::jobs::Sequencer;
use app::audit::witnessed::{Answer, Exhibit, Shown, Silence};
use audit_log::policy::PolicyWitness;
use audit_log::{Hash, Policy};
use tokio::sync::watch;

use super::ask::{self, Continuous, Head, Unsaid};
use crate::web::{self, WebClient};

/// Pause between two looks for a new head, in seconds.
const LOOK_SECONDS: u64 = 2;
/// Pause before a witness that did not answer is asked again, in seconds.
const AGAIN_SECONDS: u64 = 60;

/// Shows heads to the witnesses of a policy that have a URL.
pub(crate) struct Shower {
    exhibit: Exhibit,
    policy: Arc<Policy>,
    client: WebClient,
}

impl Continuous for Exhibit {
    async fn consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>> {
        Ok(Exhibit::consistency(self, old, new).await?)
    }
}

impl Shower {
    /// Over the logs that this sequencer keeps.
    ///
    /// # Errors
    /// When there can be no TLS.
    pub(crate) fn new(sequencer: Sequencer, policy: Arc<Policy>) -> Result<Self> {
        Ok(Self { exhibit: Exhibit::new(sequencer), policy, client: web::client()? })
    }

    /// Shows what is signed already, so that a log which lost its end is found out before the next head is signed.
    pub(crate) async fn first(&self) {
        self.round().await;
    }

    /// Works until `stop` turns true. It can be cut off at any point: what was not kept is asked for again.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut pause = LOOK_SECONDS;
        loop {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(pause)) => {}
                _ = stop.changed() => return,
            }
            pause = tokio::select! {
                all = self.round() => if all { LOOK_SECONDS } else { AGAIN_SECONDS },
                _ = stop.changed() => return,
            };
        }
    }

    /// Shows the newest head to every witness that has not cosigned it. False when one of them did not.
    async fn round(&self) -> bool {
        let shown = match self.exhibit.newest().await {
            Ok(Some(shown)) => shown,
            Ok(None) => return true,
            Err(error) => {
                tracing::error!(%error, "there is no head to show to witnesses");
                return false;
            }
        };
        let mut all = true;
        for witness in self.policy.witnesses() {
            let vkey = witness.key.to_string();
            let signed = shown.lines.iter().any(|(signer, _)| *signer == vkey);
            if witness.url.is_some() && !signed {
                all &= self.show(&shown, witness).await;
            }
        }
        all
    }

    async fn show(&self, shown: &Shown, witness: &PolicyWitness) -> bool {
        let head = Head { note: &shown.note, size: shown.size };
        let said = match ask::ask(&self.client, witness, &head, &self.exhibit).await {
            Ok(said) => Ok((said.line.to_string(), said.at)),
            Err(Unsaid::Refused(why)) => Err(Silence::Refused(why)),
            Err(Unsaid::Failed(error)) => Err(Silence::Failed(format!("{error:#}"))),
        };
        match &said {
            Ok(_) => tracing::info!(witness = %witness.name, size = shown.size, "a witness cosigned the log"),
            Err(Silence::Refused(why) | Silence::Failed(why)) => {
                tracing::warn!(witness = %witness.name, size = shown.size, why, "a witness did not cosign");
            }
        }
        let good = said.is_ok();
        let answer = Answer { name: witness.name.clone(), vkey: witness.key.to_string(), said };
        if let Err(error) = self.exhibit.keep(shown, answer).await {
            tracing::error!(%error, "what a witness said could not be kept");
            return false;
        }
        good
    }
}
