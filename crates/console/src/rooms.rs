//! The rooms of the console and the way between them.

use crate::parts::Icon;

macro_rules! rooms {
    ($($(#[$doc:meta])* $name:ident = $group:ident, $label:literal, $path:literal, $icon:ident, $key:literal;)*) => {
        /// A place of the console. One table gives its name, its path, its icon and the key after `g` that leads to
        /// it. A new room is one line here.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Room {
            $($(#[$doc])* $name,)*
        }

        impl Room {
            /// Every room, in the order of the navigation.
            pub const ALL: &'static [Room] = &[$(Room::$name),*];

            /// Its name.
            pub const fn label(self) -> &'static str {
                match self { $(Room::$name => $label,)* }
            }

            /// Where it is.
            pub const fn path(self) -> &'static str {
                match self { $(Room::$name => $path,)* }
            }

            const fn group(self) -> Group {
                match self { $(Room::$name => Group::$group,)* }
            }

            const fn icon(self) -> Icon {
                match self { $(Room::$name => Icon::$icon,)* }
            }

            /// The key after `g`; unused when empty.
            const fn key(self) -> &'static str {
                match self { $(Room::$name => $key,)* }
            }
        }
    };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    Top,
    People,
    Agents,
    Oversight,
    Settings,
    Instance,
}

impl Group {
    const fn label(self) -> &'static str {
        match self {
            Group::Top => "",
            Group::People => "People",
            Group::Agents => "Agents",
            Group::Oversight => "Oversight",
            Group::Settings => "Settings",
            Group::Instance => "Instance",
        }
    }
}

rooms! {
    /// What needs somebody, and how the gates stand.
    Home = Top, "Home", "/", Home, "h";
    /// Who belongs to the organization.
    Members = People, "Members", "/members", People, "m";
    /// What each role may do.
    Roles = People, "Roles", "/roles", Roles, "r";
    /// Programs that act for the organization.
    Agents = Agents, "Agents", "/agents", Agent, "a";
    /// Their credentials.
    Keys = Agents, "API keys", "/keys", Key, "k";
    /// Everything that was done.
    Audit = Oversight, "Audit log", "/audit", Log, "l";
    /// What is done about personal data.
    Privacy = Oversight, "Privacy", "/privacy", Eye, "p";
    /// Signed policies that narrow what is granted: which are in force, and whose signature counts.
    Packs = Oversight, "Policy packs", "/policies/packs", Grille, "c";
    /// What the log shows for the controls of a framework, to be taken away.
    Evidence = Oversight, "Evidence", "/evidence", Pack, "e";
    /// Access beyond the rules, for a while and with a reason.
    BreakGlass = Oversight, "Break-glass", "/break-glass", Glass, "b";
    /// Who may do what in the organization's own programs: stores of relations, and why an answer is what it is.
    Relations = Oversight, "Relations", "/relations", Graph, "n";
    /// Where the organization's own services are told of events.
    Webhooks = Oversight, "Webhooks", "/webhooks", Hook, "w";
    /// The organization itself.
    Organization = Settings, "Organization", "/settings", Building, "s";
    /// Mail that waits to be sent.
    Outbox = Instance, "Mail outbox", "/instance/outbox", Mail, "o";
    /// One's own password, passkeys and codes; reached from the account menu.
    Security = Top, "My security", "/security", Lock, "y";
    /// One's own devices; reached from the account menu.
    Sessions = Top, "Sessions", "/sessions", Device, "d";
}

impl Room {
    /// Whether it stands in the navigation; the others are reached from the account menu.
    const fn in_nav(self) -> bool {
        !matches!(self, Room::Security | Room::Sessions)
    }
}

/// A link of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NavItem {
    /// Where it leads.
    pub room: Room,
    /// Whether it is the page that is open.
    pub current: bool,
    /// How many things wait there; 0 shows nothing.
    pub waiting: u32,
}

/// Links with a heading; the first group has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NavGroup {
    /// The heading.
    pub label: &'static str,
    /// The links.
    pub items: Vec<NavItem>,
}

/// The navigation of one person: only rooms they may enter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Nav {
    at: Option<Room>,
    /// The groups, in order; none is empty.
    pub groups: Vec<NavGroup>,
}

impl Nav {
    /// The navigation of somebody who stands in `at` and may enter the rooms `may` says yes to.
    pub fn new(at: Option<Room>, may: impl Fn(Room) -> bool) -> Self {
        let mut groups: Vec<NavGroup> = Vec::new();
        for room in Room::ALL.iter().copied().filter(|room| room.in_nav() && may(*room)) {
            let label = room.group().label();
            let item = NavItem { room, current: at == Some(room), waiting: 0 };
            match groups.last_mut().filter(|group| group.label == label) {
                Some(group) => group.items.push(item),
                None => groups.push(NavGroup { label, items: vec![item] }),
            }
        }
        Self { at, groups }
    }

    /// The same with a number beside a room: how many things wait for this person there.
    #[must_use]
    pub fn waiting(mut self, room: Room, count: u32) -> Self {
        for item in self.groups.iter_mut().flat_map(|group| &mut group.items).filter(|item| item.room == room)
        {
            item.waiting = count;
        }
        self
    }

    /// Whether this room is open.
    pub(crate) fn is_at(&self, room: Room) -> bool {
        self.at == Some(room)
    }

    /// Keys and where they lead, for the page's list of shortcuts: what is in the navigation, then one's own rooms.
    pub(crate) fn shortcuts(&self) -> impl Iterator<Item = (&'static str, Room)> + '_ {
        let shown = self.groups.iter().flat_map(|group| &group.items).map(|item| item.room);
        shown.chain([Room::Security, Room::Sessions]).map(|room| (room.key(), room))
    }
}

impl NavItem {
    pub(crate) const fn icon(self) -> Icon {
        self.room.icon()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_paths_are_unique() {
        let mut keys: Vec<_> = Room::ALL.iter().map(|room| room.key()).collect();
        let mut paths: Vec<_> = Room::ALL.iter().map(|room| room.path()).collect();
        keys.sort_unstable();
        keys.dedup();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!((keys.len(), paths.len()), (Room::ALL.len(), Room::ALL.len()));
    }

    #[test]
    fn a_group_without_rooms_is_not_shown() {
        let nav = Nav::new(Some(Room::Home), |room| room != Room::Outbox);
        assert!(nav.groups.iter().all(|group| group.label != "Instance" && !group.items.is_empty()));
        assert_eq!(Nav::new(None, |_| true).groups.len(), 6);
    }
}
