//! Server-Sent Events as this product's server writes them: `id`, `event` and one line of `data`.

/// An event, or an id alone: so far has all been seen.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    /// The index of the log.
    pub(super) id: Option<i64>,
    /// Its name, where it has one.
    pub(super) name: Option<String>,
    /// Its data.
    pub(super) data: Option<String>,
}

/// Gathers pieces to events.
#[derive(Debug, Default)]
pub(super) struct Events {
    begun: Vec<u8>,
    event: Event,
}

impl Events {
    /// Adds a piece, and gives the events it completes.
    pub(super) fn add(&mut self, piece: &[u8]) -> Vec<Event> {
        let mut whole = Vec::new();
        self.begun.extend_from_slice(piece);
        let mut from = 0;
        while let Some(end) = self.begun[from..].iter().position(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(&self.begun[from..from + end]).into_owned();
            from += end + 1;
            if line.is_empty() {
                let event = std::mem::take(&mut self.event);
                if event != Event::default() {
                    whole.push(event);
                }
            } else {
                self.line(&line);
            }
        }
        self.begun.drain(..from);
        whole
    }

    fn line(&mut self, line: &str) {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.event.id = value.parse().ok(),
            "event" => self.event.name = Some(value.to_owned()),
            "data" => self.event.data = Some(value.to_owned()),
            // Comments, and what is for browsers.
            _ => {}
        }
    }
}
