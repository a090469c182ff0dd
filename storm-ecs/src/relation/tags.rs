//! Tags that the world keeps for relations, so that filters, change ticks and removal logs know of edges.

use core::fmt;
use core::marker::PhantomData;

use crate::component::{Component, Storage};
use crate::relation::edges::Relation;

/// Room for the names of tags.
const ROOM: usize = 256;

/// `name` and `suffix` one after the other. Too long a name does not compile.
const fn joined(name: &str, suffix: &str) -> ([u8; ROOM], usize) {
    let mut bytes = [0; ROOM];
    let (name, suffix) = (name.as_bytes(), suffix.as_bytes());
    assert!(
        name.len() + suffix.len() <= ROOM,
        "the relation's name is too long"
    );
    let mut at = 0;
    while at < name.len() {
        bytes[at] = name[at];
        at += 1;
    }
    while at < name.len() + suffix.len() {
        bytes[at] = suffix[at - name.len()];
        at += 1;
    }
    (bytes, at)
}

const fn text(joined: &'static ([u8; ROOM], usize)) -> &'static str {
    match core::str::from_utf8(joined.0.split_at(joined.1).0) {
        Ok(text) => text,
        Err(_) => panic!("two texts in a row are text"),
    }
}

macro_rules! tag {
    ($(#[$doc:meta])* $name:ident $suffix:literal) => {
        $(#[$doc])*
        ///
        /// The world keeps it; it is not to be inserted or removed by hand, and observers are not told of it. Edges that come, go or are written mark it
        /// as changed.
        pub struct $name<R>(PhantomData<fn() -> R>);

        impl<R> fmt::Debug for $name<R> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        }

        impl<R: Relation> $name<R> {
            const JOINED: &'static ([u8; ROOM], usize) = &joined(R::NAME, $suffix);
        }

        impl<R: Relation> Component for $name<R> {
            const NAME: &'static str = text(Self::JOINED);
            const STORAGE: Storage = Storage::Tag;
            const MUTABLE: bool = false;
            const KEPT: bool = true;
        }
    };
}

tag! {
    /// Marks entities with an edge of `R` out of them: for filters, `With<Source<R>>`, `Changed<Source<R>>`.
    Source ".source"
}
tag! {
    /// Marks entities with an edge of `R` into them: for filters, `With<Target<R>>`, `Changed<Target<R>>`.
    Target ".target"
}
