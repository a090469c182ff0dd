//! What the reader kept goes back to its owner: extras, XMP packets and unknown extensions.

use serde_json::{Map, Value, json};

use super::{Writer, meshes::Shapes};
use crate::gltf::Kept;

/// Members by which glTF and its extensions name objects that are made anew.
const INDICES: &[&str] = &[
    "accessor",
    "attributes",
    "buffer",
    "bufferView",
    "image",
    "index",
    "indices",
    "input",
    "output",
    "sampler",
    "source",
    "texture",
];

impl Writer<'_> {
    /// Puts all that was kept into the document, as far as its owner is in it.
    pub(super) fn put_back(&mut self, root: &mut Map<String, Value>, shapes: &Shapes) {
        let mut document = Value::Object(std::mem::take(root));
        self.objects_of_pointers(&mut document);
        for kept in &self.file.kept {
            if let Err(why) = self.put_one(&mut document, shapes, kept) {
                let owner = if kept.owner.is_empty() {
                    "the file"
                } else {
                    &kept.owner
                };
                self.left_out
                    .push(format!("{} of {owner}: {why}", kept.name));
            }
        }
        if let Value::Object(object) = document {
            *root = object;
        }
    }

    /// An animation may drive a property of an extension that holds nothing but defaults, which is not written otherwise.
    fn objects_of_pointers(&mut self, document: &mut Value) {
        let file = self.file;
        let clips = file
            .clips
            .iter()
            .filter_map(|clip| file.library.clips.get(*clip));
        for track in clips.flat_map(|clip| &clip.pointers) {
            let Some((owner, rest)) = track
                .pointer
                .split_once("/extensions/")
                .filter(|(owner, _)| !owner.is_empty())
            else {
                continue;
            };
            let name = rest.split('/').next().unwrap_or_default();
            if let Some(Value::Object(object)) = document.pointer_mut(owner)
                && object
                    .get("extensions")
                    .is_none_or(|extensions| extensions.get(name).is_none())
            {
                self.extend(object, name, json!({}));
            }
        }
    }

    fn put_one(
        &mut self,
        document: &mut Value,
        shapes: &Shapes,
        kept: &Kept,
    ) -> Result<(), &'static str> {
        let Ok(value) = serde_json::from_str::<Value>(&kept.json) else {
            return Err("it is no JSON");
        };
        let Some(owner) = self.owner(shapes, &kept.owner) else {
            return Err("its owner is made anew");
        };
        let Some(Value::Object(owner)) = document.pointer_mut(&owner) else {
            return Err("its owner is not written");
        };
        if kept.name == "extras" {
            owner.insert("extras".to_owned(), value);
        } else if kept.name != "KHR_xmp_json_ld" && names_objects(&value) {
            return Err("it may name objects that are made anew");
        } else {
            self.extend(owner, &kept.name, value);
        }
        Ok(())
    }

    /// Where an owner stands now; `None` where it has no counterpart.
    pub(super) fn owner(&self, shapes: &Shapes, owner: &str) -> Option<String> {
        let parts: Vec<&str> = owner.split('/').skip(1).collect();
        let number = |at: usize| parts.get(at)?.parse::<usize>().ok();
        let rest = |from: usize| {
            parts[from..]
                .iter()
                .flat_map(|part| ["/", part])
                .collect::<String>()
        };
        match parts.first().copied() {
            Some("accessors" | "bufferViews" | "buffers" | "samplers" | "textures") => None,
            Some("animations") if parts.len() > 2 => None,
            Some("animations") if parts.len() == 2 => {
                let clip = (*self.clip_places.get(number(1)?)?)?;
                Some(format!("/animations/{clip}"))
            }
            Some("images") => {
                let image = (*self.image_places.get(number(1)?)?)?;
                Some(format!("/images/{image}{}", rest(2)))
            }
            Some("meshes") if parts.len() > 1 => {
                let mesh = number(1)?;
                let place = (*shapes.places.get(mesh)?)?;
                if parts.get(2) != Some(&"primitives") {
                    return Some(format!("/meshes/{place}{}", rest(2)));
                }
                let primitive = shapes.primitives[mesh].get(&number(3)?)?;
                Some(format!("/meshes/{place}/primitives/{primitive}{}", rest(4)))
            }
            _ => Some(owner.to_owned()),
        }
    }
}

/// Whether there is a number or list of numbers under a name that stands for an object of the file.
fn names_objects(value: &Value) -> bool {
    match value {
        Value::Array(values) => values.iter().any(names_objects),
        Value::Object(members) => members.iter().any(|(key, value)| {
            INDICES.contains(&key.as_str()) && !value.is_string() || names_objects(value)
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_name_an_object_is_noticed() {
        for (json, expected) in [
            (r#"{"color": [1, 2], "name": "a"}"#, false),
            (r#"{"source": "a text"}"#, false),
            (r#"{"source": 3}"#, true),
            (r#"{"a": [{"texture": {"index": 0}}]}"#, true),
            ("[1, 2, 3]", false),
        ] {
            assert_eq!(
                names_objects(&serde_json::from_str(json).unwrap()),
                expected,
                "{json}"
            );
        }
    }
}
