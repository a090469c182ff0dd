//! A plan as a picture, in the language of Graphviz: `dot -Tsvg`.

use std::fmt::Write as _;

use super::{Compiled, Kind, Queue};

impl<P> Compiled<P> {
    /// The plan in DOT: passes are boxes (those of the compute queue round), resources are labels on the arrows between the
    /// passes that write and read them, with the barriers' stages.
    pub(crate) fn dot(&self) -> String {
        let mut out = String::from("digraph frame {\n  rankdir=LR;\n  node [shape=box];\n");
        // Writing to a string cannot fail.
        for (i, pass) in self.passes.iter().enumerate() {
            let shape = match pass.queue {
                Queue::Graphics => "box",
                Queue::Compute => "ellipse",
            };
            let _ = writeln!(out, "  p{i} [label=\"{}\", shape={shape}];", pass.name);
        }
        for (index, resource) in self.resources.iter().enumerate() {
            let id = super::ResourceId(index as u32);
            let what = match resource.kind {
                Kind::Image(spec) => format!(
                    "{}\\n{}x{} {:?}",
                    resource.name, spec.width, spec.height, spec.format
                ),
                Kind::Buffer(0) => resource.name.to_owned(),
                Kind::Buffer(bytes) => format!("{}\\n{bytes} bytes", resource.name),
            };
            let memory = self.placements[index].map_or(String::new(), |place| {
                format!("\\n@{}:{:#x}", place.block, place.offset)
            });
            let mut writer = None;
            for (pass, how) in self.uses_of(id) {
                if let Some(writer) = writer
                    && writer != pass
                {
                    let stages = self.passes[pass]
                        .barriers
                        .iter()
                        .find(|barrier| barrier.resource == id)
                        .map_or(String::new(), |barrier| {
                            format!("\\n{:?} → {:?}", barrier.from.stage, barrier.to.stage)
                        });
                    let _ = writeln!(
                        out,
                        "  p{writer} -> p{pass} [label=\"{what}{memory}{stages}\"];"
                    );
                }
                if how.is_write() {
                    writer = Some(pass);
                }
            }
        }
        out.push_str("}\n");
        out
    }
}
