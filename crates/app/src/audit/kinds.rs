//! The catalogue of kinds, for people to read.

use std::fmt::Write as _;

use kernel::{Category, DataClass, EventKind, FIELDS_OF_ALL, FieldClass, Severity};

/// The page `docs/events.md`, made of the catalogue.
pub fn page() -> String {
    let mut page = String::from(
        "# Events\n\n\
         <!-- Generated from crates/kernel/src/event.rs by `cargo xtask regenerate`. -->\n\n\
         Every kind of entry that can stand in the [audit log](audit.md). `GET /api/v1/audit/kinds` answers the same. A name\n\
         never changes once released; a name in capitals was given before there were dots.\n\n\
         *Severity* is what the kind matters when it is done; what was refused or failed matters `low` at least. *OCSF* is the\n\
         class and the activity in version 1.6.0 of the schema ([formats](siem.md)). The *fields* are members of an entry's\n\
         `data`. Beside them every entry may have ",
    );
    // Writing to a String cannot fail.
    let _ = write!(page, "{}.\n\n## What fields hold\n\n", list(FIELDS_OF_ALL));
    for class in DataClass::ALL {
        let _ = writeln!(page, "* `{class}`: {}", class.says());
    }
    page.push_str(
        "\nEach field holds one of these. What people wrote, and what is about them, is written into no field of another sort:\n\n",
    );
    for class in FieldClass::ALL {
        let _ = writeln!(page, "* {class}: {}", class.says());
    }
    page.push_str("\n## How much an event matters\n\n| severity | OCSF | CEF | |\n|---|---|---|---|\n");
    for severity in Severity::ALL {
        let (ocsf, cef) = (severity.ocsf_id(), severity.cef());
        let _ = writeln!(page, "| {severity} | {ocsf} | {cef} | {} |", severity.says());
    }
    for category in Category::ALL {
        let _ = write!(page, "\n## `{category}`\n\n{}\n\n", category.says());
        page.push_str(
            "| kind | what happened | severity | data | OCSF | fields |\n|---|---|---|---|---|---|\n",
        );
        for kind in EventKind::ALL.iter().filter(|kind| kind.category() == *category) {
            let ocsf = kind.ocsf();
            let _ = writeln!(
                page,
                "| `{kind}` | {} | {} | {} | {} {}, {} | {} |",
                kind.says(),
                kind.severity(),
                kind.data_class(),
                ocsf.class,
                ocsf.class_name,
                ocsf.activity_name,
                fields(*kind)
            );
        }
    }
    page
}

/// The fields of a kind; those that stand in no leaf are said to.
fn fields(kind: EventKind) -> String {
    let fields = kind.fields().iter().zip(kind.field_classes());
    let named = fields.map(|(name, class)| match class {
        FieldClass::Personal => format!("`{name}` (personal)"),
        _ => format!("`{name}`"),
    });
    named.collect::<Vec<_>>().join(", ")
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_row_and_every_category_its_table() {
        let page = page();
        let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
        assert_eq!(rows.len(), EventKind::ALL.len());
        assert!(rows.iter().all(|row| row.matches('|').count() == 7), "a sentence breaks its table");
        assert_eq!(page.matches("\n## `").count(), Category::ALL.len());
    }
}
