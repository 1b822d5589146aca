//! Actions for tests that are about the gates and not about any room.

use gates::{Action, Agent, Human, Live, Principal, Read, Record, Write};
use kernel::{Need, Permission};

/// Reads, for anybody who may read.
pub(crate) struct Looking;

/// Changes, for whoever manages agents.
pub(crate) struct Changing;

/// Touches no row, for whoever may call models.
pub(crate) struct Calling;

/// Changes, for people alone.
pub(crate) struct Deciding;

/// Changes, for agents alone.
pub(crate) struct Working;

impl Action for Looking {
    const NAME: &'static str = "test.look";
    const NEEDS: Need = Need::Permission(Permission::ProjectsRead);
    type Who = Principal;
    type Proof = Live;
    type Mode = Read;
}

impl Action for Changing {
    const NAME: &'static str = "test.change";
    const NEEDS: Need = Need::Permission(Permission::AgentsManage);
    type Who = Principal;
    type Proof = Live;
    type Mode = Write;
}

impl Action for Calling {
    const NAME: &'static str = "test.call";
    const NEEDS: Need = Need::Permission(Permission::ModelsInvoke);
    type Who = Principal;
    type Proof = Live;
    type Mode = Record;
}

impl Action for Deciding {
    const NAME: &'static str = "test.decide";
    const NEEDS: Need = Need::Permission(Permission::ProjectsRead);
    type Who = Human;
    type Proof = Live;
    type Mode = Write;
}

impl Action for Working {
    const NAME: &'static str = "test.work";
    const NEEDS: Need = Need::Permission(Permission::ProjectsWrite);
    type Who = Agent;
    type Proof = Live;
    type Mode = Write;
}

/// Does what no role allows and only an override opens.
pub(crate) struct Revealing;

impl Action for Revealing {
    const NAME: &'static str = "test.reveal";
    const NEEDS: Need = Need::Permission(Permission::PiiReveal);
    type Who = Human;
    type Proof = Live;
    type Mode = Record;
}

/// Does what not even an override opens.
pub(crate) struct Crossing;

impl Action for Crossing {
    const NAME: &'static str = "test.cross";
    const NEEDS: Need = Need::Permission(Permission::ProvidersAcross);
    type Who = Human;
    type Proof = Live;
    type Mode = Record;
}
