//! A relation of unions alone: level by level, every object looked at once, however many ways lead to it.
//!
//! A node is a userset as tuples write it, `folder:1#viewer`. A level is one step further than the one before, so the
//! first level a node is in tells the length of its shortest way. When nothing was found, the edges tell whether some path
//! comes back to itself, or is too long: what is taken away from something must not be taken for a plain no then.

use super::quote::{literal, literals};
use super::{Allowed, Maker};
use crate::engine::RESOLVE_DEPTH_MAX;
use crate::engine::schema::{Kind, Op, RelNo};

/// The body of the function, with the arguments and the values of a step.
pub(super) fn relation(maker: &Maker<'_>, number: RelNo) -> String {
    let mut parts = Parts { maker, hits: Vec::new(), edges: Vec::new() };
    for inner in maker.closure(number, false) {
        parts.op(&maker.schema.relation(inner).op, inner);
    }
    let none = |parts: Vec<String>, columns: &str| {
        if parts.is_empty() {
            format!("select {columns} where false")
        } else {
            parts.join("\n      union all ")
        }
    };
    let hits = none(parts.hits, "null::text as condition");
    let edges = none(parts.edges, "null::text as source, null::text as target, null::text as condition");
    let (node, reach) = (maker.node(number, "$3"), reach(maker, number));
    let level = "with level as (\n      \
         select n.node, split_part(split_part(n.node, '#', 1), ':', 2) as id,\n             \
                split_part(n.node, ':', 1) || '#' || split_part(n.node, '#', 2) as relation\n      \
         from unnest(nodes) as n(node))";
    format!(
        "declare\n  \
           nodes text[] := array[{node}];\n  \
           seen text[] := '{{}}';\n  \
           sources text[] := '{{}}';\n  \
           targets text[] := '{{}}';\n  \
           hangs boolean := false;\n  \
           length integer := cardinality($6) + 1;\n  \
           one record;\n\
         begin\n  \
           if length > {RESOLVE_DEPTH_MAX} then\n    return 3;\n  end if;\n  \
           if $4 = nodes[1] then\n    return 4;\n  end if;\n  \
           if not {reach} then\n    return 0;\n  end if;\n  \
           for step in length..{RESOLVE_DEPTH_MAX} loop\n    \
             if $4 = any (nodes) then\n      return 4;\n    end if;\n    \
             {level}\n    \
             select bool_or(h.condition is null) as plain, count(*) as hits into one from (\n      {hits}\n    ) as h;\n    \
             if one.plain then\n      return 4;\n    end if;\n    \
             hangs := hangs or one.hits > 0;\n    \
             seen := seen || nodes;\n    \
             {level}\n    \
             select coalesce(array_agg(e.source) filter (where e.condition is null), '{{}}') as sources,\n           \
                    coalesce(array_agg(e.target) filter (where e.condition is null), '{{}}') as targets,\n           \
                    count(e.condition) > 0 as hangs into one from (\n      {edges}\n    ) as e;\n    \
             hangs := hangs or one.hangs;\n    \
             sources := sources || one.sources;\n    \
             targets := targets || one.targets;\n    \
             nodes := array(select unnest(one.targets) except select unnest(seen));\n    \
             exit when nodes = '{{}}';\n  \
           end loop;\n  \
           if nodes <> '{{}}' then\n    return 3;\n  end if;\n  \
           if hangs then\n    return 2;\n  end if;\n  \
           loop\n    \
             if sources = '{{}}' then\n      \
               return case when length > {RESOLVE_DEPTH_MAX} then 3 else 0 end;\n    \
             end if;\n    \
             select coalesce(array_agg(e.source), '{{}}') as sources, coalesce(array_agg(e.target), '{{}}') as targets\n      \
               into one from unnest(sources, targets) as e(source, target)\n      \
               where e.target in (select unnest(sources));\n    \
             if cardinality(one.sources) = cardinality(sources) then\n      return 1;\n    end if;\n    \
             sources := one.sources;\n    \
             targets := one.targets;\n    \
             length := length + 1;\n  \
           end loop;\n\
         end"
    )
}

/// What a level asks the tuples.
struct Parts<'a> {
    maker: &'a Maker<'a>,
    /// Tuples that name the subject.
    hits: Vec<String>,
    /// From a node to the next.
    edges: Vec<String>,
}

impl Parts<'_> {
    fn op(&mut self, op: &Op, number: RelNo) {
        let maker = self.maker;
        let here = format!("l.relation = {}", literal(&maker.schema.relation_name(number)));
        match op {
            Op::Direct => {
                let allowed = maker.allowed(number);
                if allowed.is_empty() {
                    return;
                }
                let (table, rows) = (&maker.table, maker.rows("t", number, "l.id"));
                let subject = subject(&allowed);
                self.hits.push(format!(
                    "select t.condition from level as l, {table} as t\n        where {here} and {rows}\n        and {subject}"
                ));
                for kind in &allowed {
                    if let Kind::Userset(userset) = kind.kind {
                        self.edges.push(self.edge(&here, number, kind, userset, "t.subject"));
                    }
                }
            }
            Op::Computed(other) => {
                let (node, reach) = (maker.node(*other, "l.id"), reach(maker, *other));
                self.edges.push(format!(
                    "select l.node as source, {node} as target, null::text as condition from level as l\n        \
                     where {here} and {reach}"
                ));
            }
            Op::Ttu { tupleset, computed } => {
                for (kind, other) in maker.parents(*tupleset, computed) {
                    let relation = literal(&format!("#{}", maker.schema.relation(other).name));
                    let node = format!("t.subject || {relation}");
                    self.edges.push(self.edge(&here, *tupleset, &kind, other, &node));
                }
            }
            Op::Any(ops) => ops.iter().for_each(|op| self.op(op, number)),
            // There are only unions here.
            Op::All(_) | Op::Without(_) => {}
        }
    }

    /// From a level over the tuples of a relation to the next.
    fn edge(&self, here: &str, number: RelNo, kind: &Allowed, other: RelNo, node: &str) -> String {
        let (table, rows) = (&self.maker.table, self.maker.rows("t", number, "l.id"));
        let (named, condition, reach) = (kind.named("t"), kind.condition("t"), reach(self.maker, other));
        format!(
            "select l.node as source, {node} as target, t.condition from level as l, {table} as t\n        \
             where {here} and {reach} and {rows}\n        and {named} and {condition}"
        )
    }
}

/// Whether the subject can have a relation at all.
pub(super) fn reach(maker: &Maker<'_>, number: RelNo) -> String {
    let forms = maker.reach(number);
    if forms.is_empty() {
        "false".to_owned()
    } else {
        format!("$5 in ({})", literals(forms.iter().map(String::as_str)))
    }
}

/// Whether a tuple names the subject, or everything of its type, in a way that it may.
pub(super) fn subject(allowed: &[Allowed]) -> String {
    let mut wanted = vec!["$4".to_owned()];
    let mut each: Vec<String> = allowed
        .iter()
        .map(|kind| format!("t.subject = $4 and $5 = {} and {}", literal(&kind.form), kind.condition("t")))
        .collect();
    for kind in allowed.iter().filter(|kind| kind.kind == Kind::Wildcard) {
        let (form, of) = (literal(&kind.form), literal(&kind.type_name));
        each.push(format!("t.subject = {form} and $5 = {of} and {}", kind.condition("t")));
        wanted.push(form);
    }
    format!("t.subject in ({}) and ({})", wanted.join(", "), each.join(" or "))
}
