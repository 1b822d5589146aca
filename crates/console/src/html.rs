//! A strict reader of our own pages. HTML forgives a great deal; our pages ask for no forgiveness: every element that
//! is not void is closed, every attribute is quoted, every text is escaped.

/// Elements without an end.
const VOID: &[&str] = &["br", "hr", "img", "input", "link", "meta"];

/// A start tag, in the order of the page.
#[derive(Debug)]
pub(crate) struct Element {
    pub(crate) tag: String,
    attributes: Vec<(String, String)>,
    /// Index of the element it stands in.
    pub(crate) parent: Option<usize>,
    /// The text directly inside, unescaped only as far as comparing needs.
    pub(crate) text: String,
}

impl Element {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn attributes(&self) -> impl Iterator<Item = &str> {
        self.attributes.iter().map(|(name, _)| name.as_str())
    }
}

/// A page, read.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) elements: Vec<Element>,
}

impl Page {
    /// Reads a page; the error says what is wrong and shows where.
    pub(crate) fn read(html: &str) -> Result<Self, String> {
        let mut rest = html.strip_prefix("<!doctype html>").ok_or("does not begin with a doctype")?;
        let mut elements: Vec<Element> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        while let Some(at) = rest.find('<') {
            let (text, tag) = rest.split_at(at);
            escaped(text)?;
            if let Some(inside) = open.last() {
                elements[*inside].text.push_str(text);
            }
            if let Some(end) = tag.strip_prefix("</") {
                let (name, after) = end.split_once('>').ok_or_else(|| wrong("an end tag without >", tag))?;
                let inside = open.pop().ok_or_else(|| wrong("an end tag too many", tag))?;
                if elements[inside].tag != name {
                    return Err(wrong(&format!("<{}> is closed by", elements[inside].tag), tag));
                }
                rest = after;
            } else {
                let (mut element, empty, after) = start_tag(tag)?;
                element.parent = open.last().copied();
                let void = VOID.contains(&element.tag.as_str());
                elements.push(element);
                if !void && !empty {
                    open.push(elements.len() - 1);
                }
                rest = after;
            }
        }
        match open.last() {
            Some(inside) => Err(format!("<{}> is never closed", elements[*inside].tag)),
            None => Ok(Self { elements }),
        }
    }

    /// The elements with this tag.
    pub(crate) fn all<'a>(&'a self, tag: &'a str) -> impl Iterator<Item = (usize, &'a Element)> {
        self.elements.iter().enumerate().filter(move |(_, element)| element.tag == tag)
    }

    /// The elements an element stands in, the nearest first.
    pub(crate) fn around(&self, element: &Element) -> impl Iterator<Item = &Element> {
        std::iter::successors(element.parent.map(|at| &self.elements[at]), |outer| {
            outer.parent.map(|at| &self.elements[at])
        })
    }

    /// The elements inside the one at `index`.
    pub(crate) fn inside(&self, index: usize) -> impl Iterator<Item = &Element> {
        let outer = &raw const self.elements[index];
        self.elements
            .iter()
            .filter(move |element| self.around(element).any(|around| std::ptr::eq(around, outer)))
    }

    /// All text inside the element at `index`.
    pub(crate) fn words(&self, index: usize) -> String {
        let own = std::iter::once(&self.elements[index]);
        own.chain(self.inside(index))
            .map(|element| element.text.trim())
            .collect::<Vec<_>>()
            .join(" ")
            .trim()
            .to_owned()
    }
}

fn wrong(what: &str, at: &str) -> String {
    format!("{what}: {}", at.chars().take(90).collect::<String>())
}

/// No bare ampersand and no bare angle bracket.
fn escaped(text: &str) -> Result<(), String> {
    if text.contains('>') {
        return Err(wrong("a bare > in text", text));
    }
    for (at, _) in text.match_indices('&') {
        let name: String =
            text[at + 1..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '#').collect();
        if name.is_empty() || !text[at + 1 + name.len()..].starts_with(';') {
            return Err(wrong("a bare & in text", &text[at..]));
        }
    }
    Ok(())
}

/// The element, whether it closes itself (as in SVG), and what comes after.
fn start_tag(tag: &str) -> Result<(Element, bool, &str), String> {
    let mut rest = &tag[1..];
    let name = take(&mut rest, |c| c.is_ascii_alphanumeric());
    if name.is_empty() {
        return Err(wrong("a bare < in text", tag));
    }
    let mut attributes: Vec<(String, String)> = Vec::new();
    loop {
        let blank = take(&mut rest, char::is_whitespace);
        if let Some(after) = rest.strip_prefix('>') {
            return Ok((Element { tag: name, attributes, parent: None, text: String::new() }, false, after));
        }
        if let Some(after) = rest.strip_prefix("/>") {
            return Ok((Element { tag: name, attributes, parent: None, text: String::new() }, true, after));
        }
        let attribute = take(&mut rest, |c| c.is_ascii_alphanumeric() || matches!(c, '-' | ':'));
        if attribute.is_empty() || blank.is_empty() || attributes.iter().any(|(known, _)| *known == attribute)
        {
            return Err(wrong("an attribute that is none, glued or twice", rest));
        }
        let value = match rest.strip_prefix("=\"") {
            None if rest.starts_with('=') => return Err(wrong("a value without quotes", rest)),
            None => String::new(),
            Some(quoted) => {
                let (value, after) =
                    quoted.split_once('"').ok_or_else(|| wrong("a quote that never ends", rest))?;
                if value.contains('<') {
                    return Err(wrong("a bare < in a value", value));
                }
                escaped(&value.replace('>', ""))?;
                rest = after;
                value.to_owned()
            }
        };
        attributes.push((attribute, value));
    }
}

fn take(rest: &mut &str, wanted: impl Fn(char) -> bool) -> String {
    let end = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
    let (taken, after) = rest.split_at(end);
    *rest = after;
    taken.to_owned()
}

#[test]
fn the_reader_forgives_nothing() {
    let read = |body: &str| Page::read(&format!("<!doctype html>{body}")).map(|page| page.elements.len());
    assert_eq!(read("<p class=\"a\">x &amp; y<br></p><svg><path d=\"M0\"/></svg>"), Ok(4));
    for bad in [
        "<p>",
        "</p>",
        "<p></b>",
        "<p>a & b</p>",
        "<p class=a></p>",
        "<p a=\"1\" a=\"2\"></p>",
        "<p>1 > 0</p>",
        "< p>",
    ] {
        assert!(read(bad).is_err(), "{bad}");
    }
}
