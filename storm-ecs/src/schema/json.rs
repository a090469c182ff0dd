//! Schemas as JSON: keys in a fixed order, no blanks, numbers as Rust prints them.

use crate::schema::{ComponentSchema, FieldSchema, TypeSchema};

pub(super) fn text(value: &str, out: &mut String) {
    out.push('"');
    for character in value.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if (control as u32) < 0x20 => {
                out.push_str(&format!("\\u{:04x}", control as u32))
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

pub(super) fn component(schema: &ComponentSchema, out: &mut String) {
    out.push_str("{\"name\":");
    text(&schema.name, out);
    let (size, align) = (schema.layout.size(), schema.layout.align());
    out.push_str(&format!(
        ",\"hash\":\"{:016x}\",\"size\":{size},\"align\":{align},\"pod\":{},\"type\":",
        schema.hash(),
        schema.pod
    ));
    match &schema.ty {
        Some(ty) => type_schema(ty, out),
        None => out.push_str("null"),
    }
    out.push('}');
}

fn list<T>(items: &[T], out: &mut String, item: impl Fn(&T, &mut String)) {
    out.push('[');
    for (number, value) in items.iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        item(value, out);
    }
    out.push(']');
}

fn type_schema(ty: &TypeSchema, out: &mut String) {
    match ty {
        TypeSchema::Array(element, count) => {
            out.push_str("{\"kind\":\"array\",\"of\":");
            type_schema(element, out);
            out.push_str(&format!(",\"count\":{count}}}"));
        }
        TypeSchema::List(element) | TypeSchema::Option(element) => {
            out.push_str(if matches!(ty, TypeSchema::List(_)) {
                "{\"kind\":\"list\",\"of\":"
            } else {
                "{\"kind\":\"option\",\"of\":"
            });
            type_schema(element, out);
            out.push('}');
        }
        TypeSchema::Struct(fields) => {
            out.push_str("{\"kind\":\"struct\",\"fields\":");
            list(fields, out, field);
            out.push('}');
        }
        TypeSchema::Enum(variants) => {
            out.push_str("{\"kind\":\"enum\",\"variants\":");
            list(variants, out, |variant, out| {
                out.push_str("{\"name\":");
                text(&variant.name, out);
                out.push_str(",\"fields\":");
                list(&variant.fields, out, field);
                out.push('}');
            });
            out.push('}');
        }
        simple => out.push_str(&format!("{{\"kind\":\"{}\"}}", simple.name())),
    }
}

fn number(key: &str, value: Option<f64>, out: &mut String) {
    match value {
        Some(value) if value.is_finite() => out.push_str(&format!(",\"{key}\":{value}")),
        // JSON has no infinities: a bound that bounds nothing is left out.
        _ => {}
    }
}

fn field(field: &FieldSchema, out: &mut String) {
    out.push_str("{\"name\":");
    text(&field.name, out);
    if let Some(offset) = field.offset {
        out.push_str(&format!(",\"offset\":{offset}"));
    }
    out.push_str(",\"type\":");
    type_schema(&field.ty, out);
    let constraints = &field.constraints;
    if let Some(unit) = constraints.unit {
        out.push_str(",\"unit\":");
        text(unit, out);
    }
    number("min", constraints.min, out);
    number("max", constraints.max, out);
    number("step", constraints.step, out);
    if constraints.finite {
        out.push_str(",\"finite\":true");
    }
    if let Some(max) = constraints.max_len {
        out.push_str(&format!(",\"max_len\":{max}"));
    }
    if constraints.custom {
        out.push_str(",\"custom\":true");
    }
    out.push('}');
}
