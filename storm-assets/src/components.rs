//! Handle components: what an entity is drawn with.
