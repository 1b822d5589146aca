//! A relation path by path, with the values of the engine: 4 yes, 3 too many steps, 2 it hangs on a condition, 1 the path
//! came back to itself, 0 no. In a union the greatest counts.

use std::fmt::Write as _;

use super::quote::literals;
use super::walk::{self, reach, subject};
use super::{Allowed, Maker, STEPS};
use crate::engine::RESOLVE_DEPTH_MAX;
use crate::engine::schema::{Kind, Op, RelNo, TypeNo};

/// The arguments of one step: those of a check, what the subject is, and the path up to here.
pub(super) const ARGUMENTS: &str =
    "tenant uuid, store uuid, object_id text, subject text, form text, path text[]";

/// The body of the function that asks for the first step.
pub(super) fn ask(maker: &Maker<'_>, number: RelNo) -> String {
    let (step, form, is_id) = (maker.function(number, STEPS), &maker.form, maker.is_id(number));
    format!(
        "select case when {form}($4) is not null and {is_id} then\n  \
           case {step}($1, $2, $3, $4, {form}($4), '{{}}')\n    \
             when 4 then true when 3 then {}() else false end\n  \
         else false end",
        maker.too_complex
    )
}

/// The body of the function of one step.
pub(super) fn relation(maker: &Maker<'_>, number: RelNo) -> String {
    let relation = maker.schema.relation(number);
    if relation.only_unions && !maker.is_plain(number) {
        return walk::relation(maker, number);
    }
    let mut steps = Steps { maker, values: 0, text: String::new() };
    let value = steps.op(&relation.op, number);
    let mut variables = String::new();
    for n in 1..=steps.values {
        let _ = writeln!(variables, "  v{n} integer := 0;");
    }
    format!(
        "declare\n  \
           node text := {};\n  \
           walked text[] := $6 || node;\n  \
           one record;\n{variables}\
         begin\n  \
           if cardinality($6) >= {RESOLVE_DEPTH_MAX} then\n    return 3;\n  end if;\n  \
           if node = any ($6) then\n    return 1;\n  end if;\n  \
           if $4 = node then\n    return 4;\n  end if;\n  \
           if not {} then\n    return 0;\n  end if;\n{}  return v{value};\n\
         end",
        maker.node(number, "$3"),
        reach(maker, number),
        steps.text
    )
}

struct Steps<'a> {
    maker: &'a Maker<'a>,
    /// How many values there are.
    values: usize,
    text: String,
}

impl Steps<'_> {
    fn value(&mut self) -> usize {
        self.values += 1;
        self.values
    }

    fn say(&mut self, text: &str) {
        self.text.push_str("  ");
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// Finds the value of a part; the number of the variable it is in.
    fn op(&mut self, op: &Op, number: RelNo) -> usize {
        let value = self.value();
        match op {
            Op::Direct => self.direct(number, value),
            Op::Computed(other) => {
                let step = self.maker.function(*other, STEPS);
                self.say(&format!("v{value} := {step}($1, $2, $3, $4, $5, walked);"));
            }
            Op::Ttu { tupleset, computed } => self.ttu(*tupleset, computed, value),
            Op::Any(ops) => {
                for op in ops {
                    self.say(&format!("if v{value} < 4 then"));
                    let part = self.op(op, number);
                    self.say(&format!("v{value} := greatest(v{value}, v{part});"));
                    self.say("end if;");
                }
            }
            Op::All(ops) => {
                self.say(&format!("v{value} := 4;"));
                for op in ops {
                    self.say(&format!("if v{value} > 1 then"));
                    let part = self.op(op, number);
                    self.say(&format!(
                        "v{value} := case when v{part} < 2 or v{value} = 4 then v{part} \
                         when v{part} = 4 then v{value} else greatest(v{value}, v{part}) end;"
                    ));
                    self.say("end if;");
                }
            }
            Op::Without(parts) => {
                let base = self.op(&parts[0], number);
                self.say(&format!("v{value} := v{base};"));
                self.say(&format!("if v{value} > 1 then"));
                let less = self.op(&parts[1], number);
                self.say(&format!(
                    "v{value} := case v{less} when 4 then 0 when 0 then v{value} else v{less} end;"
                ));
                self.say("end if;");
            }
        }
        value
    }

    fn direct(&mut self, number: RelNo, value: usize) {
        let allowed = self.maker.allowed(number);
        if allowed.is_empty() {
            return;
        }
        let (table, rows) = (&self.maker.table, self.maker.rows("t", number, "$3"));
        self.say(&format!(
            "v{value} := coalesce((select max(case when t.condition is null then 4 else 2 end) from {table} as t\n    \
             where {rows}\n    and {}), 0);",
            subject(&allowed)
        ));
        let usersets: Vec<(Allowed, RelNo)> = allowed
            .into_iter()
            .filter_map(|kind| match kind.kind {
                Kind::Userset(userset) => Some((kind, userset)),
                _ => None,
            })
            .collect();
        self.each(number, &usersets, true, value);
    }

    fn ttu(&mut self, tupleset: RelNo, computed: &[(TypeNo, RelNo)], value: usize) {
        let parents = self.maker.parents(tupleset, computed);
        // Who can have none of the relations has none, whatever the tuples say.
        let mut forms: Vec<String> = parents.iter().flat_map(|(_, other)| self.maker.reach(*other)).collect();
        forms.sort_unstable();
        forms.dedup();
        if forms.is_empty() {
            return;
        }
        self.say(&format!("if $5 in ({}) then", literals(forms.iter().map(String::as_str))));
        self.each(tupleset, &parents, false, value);
        self.say("end if;");
    }

    /// Goes through the tuples of a relation that name objects or usersets, and asks there.
    fn each(&mut self, number: RelNo, kinds: &[(Allowed, RelNo)], usersets: bool, value: usize) {
        if kinds.is_empty() {
            return;
        }
        let (table, rows) = (&self.maker.table, self.maker.rows("t", number, "$3"));
        let (mut places, mut calls) = (String::new(), String::new());
        let mut wanted = Vec::new();
        for (n, (kind, other)) in kinds.iter().enumerate() {
            let named = kind.named("t");
            let _ = write!(places, " when {named} then {n}");
            let reach = if usersets { format!(" and {}", reach(self.maker, *other)) } else { String::new() };
            wanted.push(format!("{named} and {}{reach}", kind.condition("t")));
            let step = self.maker.function(*other, STEPS);
            let _ = write!(
                calls,
                "\n        when {n} then {step}($1, $2, split_part(split_part(one.named, '#', 1), ':', 2), $4, $5, walked)"
            );
        }
        self.say(&format!(
            "if v{value} < 4 then\n    \
             for one in select t.subject as named, t.condition is null as plain, case{places} end as kind\n      \
             from {table} as t where {rows}\n      and ({})\n    \
             loop\n      \
             v{value} := greatest(v{value}, case when not one.plain then 2 else case one.kind{calls} end end);\n      \
             exit when v{value} = 4;\n    \
             end loop;\n  end if;",
            wanted.join("\n        or ")
        ));
    }
}
