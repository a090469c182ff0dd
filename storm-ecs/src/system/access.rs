//! What a system touches: known before it runs, so that conflicts within one system are refused when it is built and those
//! between systems become bitsets.

use core::any::TypeId;
use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use std::collections::HashMap;

use crate::query::access::Access;
use crate::query::filter::Reads;

/// Something that one system may write while no other touches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// A component, by its stable name.
    Component(&'static str),
    /// A resource (or event queue), by its type.
    Resource(TypeId, &'static str),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Component(name) => write!(f, "component {name}"),
            Self::Resource(_, name) => write!(f, "resource {name}"),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    key: Key,
    write: bool,
    param: &'static str,
}

/// The access set of one system.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct AccessSet {
    /// Tells the system from every other in the process.
    owner: u64,
    system: String,
    entries: Vec<Entry>,
    /// The parameter that reads the whole world, if any.
    world: Option<&'static str>,
    /// The parameter that records commands, if any.
    commands: Option<&'static str>,
    /// Event queues that get something at the next sync point.
    sends: Vec<Key>,
}

impl AccessSet {
    pub(crate) fn new(system: &str) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            // Relaxed: only uniqueness matters.
            owner: NEXT.fetch_add(1, Ordering::Relaxed),
            system: system.to_owned(),
            entries: Vec::new(),
            world: None,
            commands: None,
            sends: Vec::new(),
        }
    }

    pub(crate) fn owner(&self) -> u64 {
        self.owner
    }

    /// Adds what `param` touches.
    ///
    /// # Panics
    /// If an earlier parameter touches it too, and either writes.
    pub(crate) fn add(&mut self, param: &'static str, key: Key, write: bool) {
        if let Some(other) = self
            .entries
            .iter()
            .find(|entry| entry.key == key && (entry.write || write))
        {
            self.refuse(
                other.param,
                param,
                &format!("both touch {key}, and one writes"),
            );
        }
        if write && let Some(world) = self.world {
            self.refuse(
                world,
                param,
                &format!("conflict: one reads the whole world, the other writes {key}"),
            );
        }
        self.entries.push(Entry { key, write, param });
    }

    /// Adds the components of a query. Parts of one query were checked against each other at compile time.
    pub(crate) fn add_query(&mut self, param: &'static str, access: &Access, reads: &Reads) {
        let mut own = Vec::new();
        list_access(access, &mut own);
        list_reads(reads, &mut own);
        let mut merged: Vec<(Key, bool)> = Vec::new();
        for (key, write) in own {
            match merged.iter_mut().find(|(other, _)| *other == key) {
                Some((_, old)) => *old |= write,
                None => merged.push((key, write)),
            }
        }
        for (key, write) in merged {
            self.add(param, key, write);
        }
    }

    /// Adds reading of everything.
    ///
    /// # Panics
    /// If an earlier parameter writes, or records commands.
    pub(crate) fn add_world(&mut self, param: &'static str) {
        if let Some(entry) = self.entries.iter().find(|entry| entry.write) {
            let key = entry.key;
            self.refuse(
                entry.param,
                param,
                &format!("conflict: one writes {key}, the other reads the whole world"),
            );
        }
        if let Some(commands) = self.commands {
            self.refuse(commands, param, "conflict: both can reserve entities");
        }
        self.world = Some(param);
    }

    /// Adds the recording of commands.
    ///
    /// # Panics
    /// If an earlier parameter records commands or reads the whole world: both can reserve entities.
    pub(crate) fn add_commands(&mut self, param: &'static str) {
        if let Some(other) = self.commands.or(self.world) {
            self.refuse(other, param, "conflict: both can reserve entities");
        }
        self.commands = Some(param);
    }

    pub(crate) fn add_sends(&mut self, key: Key) {
        self.sends.push(key);
    }

    fn refuse(&self, first: &str, second: &str, why: &str) -> ! {
        panic!(
            "system {}: parameters `{}` and `{}` {why}",
            self.system,
            short(first),
            short(second)
        )
    }

    /// Whether the system must run with no other beside it.
    pub(crate) fn reads_world(&self) -> bool {
        self.world.is_some()
    }

    pub(crate) fn records_commands(&self) -> bool {
        self.commands.is_some()
    }

    /// Whether the set allows this; a claim checks it once, when it is made.
    pub(crate) fn covers(&self, key: Key, write: bool) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.key == key && entry.write == write)
    }

    pub(crate) fn covers_query(&self, access: &Access, reads: &Reads) -> bool {
        let mut keys = Vec::new();
        list_access(access, &mut keys);
        list_reads(reads, &mut keys);
        keys.iter().all(|&(key, write)| {
            self.entries
                .iter()
                .any(|entry| entry.key == key && (entry.write || !write))
        })
    }

    /// Whether what this system defers has to be applied before `later`, which is ordered after it, may run.
    pub(crate) fn must_sync_before(&self, later: &Self) -> bool {
        self.commands.is_some()
            || self.sends.iter().any(|key| {
                later.world.is_some() || later.entries.iter().any(|entry| entry.key == *key)
            })
    }

    pub(crate) fn defers(&self) -> bool {
        self.commands.is_some() || !self.sends.is_empty()
    }

    /// What both touch, if either writes it.
    pub(crate) fn clashes(&self, other: &Self) -> Vec<Key> {
        let mut keys: Vec<Key> = Vec::new();
        for a in &self.entries {
            let meets = |b: &Entry| a.key == b.key && (a.write || b.write);
            let whole = other.world.is_some() && a.write;
            if (whole || other.entries.iter().any(meets)) && !keys.contains(&a.key) {
                keys.push(a.key);
            }
        }
        if self.world.is_some() {
            let written = other.entries.iter().filter(|entry| entry.write);
            keys.extend(written.map(|entry| entry.key));
        }
        keys
    }
}

/// A type's name without the paths.
fn short(name: &str) -> String {
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let mut out = String::with_capacity(name.len());
    for part in name.split_inclusive(|c| !is_path(c)) {
        out.push_str(part.rsplit_once("::").map_or(part, |(_, last)| last));
    }
    out
}

fn list_access(access: &Access, out: &mut Vec<(Key, bool)>) {
    match access {
        Access::Nothing => {}
        Access::Component(name, write) => out.push((Key::Component(name), *write)),
        Access::All(parts) => parts.iter().for_each(|part| list_access(part, out)),
    }
}

fn list_reads(reads: &Reads, out: &mut Vec<(Key, bool)>) {
    match reads {
        Reads::Nothing => {}
        Reads::Component(name) => out.push((Key::Component(name), false)),
        Reads::All(parts) => parts.iter().for_each(|part| list_reads(part, out)),
    }
}

/// For each of a list of systems: which others it conflicts with, as rows of a bit matrix.
#[derive(Debug, Default)]
pub(crate) struct Conflicts {
    owners: Vec<u64>,
    words: usize,
    rows: Vec<u64>,
}

impl Conflicts {
    /// `alone[i]` says that system `i` conflicts with all.
    pub(crate) fn new(sets: &[&AccessSet], alone: &[bool]) -> Self {
        let words = sets.len().div_ceil(64);
        // By key: who reads it, who writes it.
        let mut users: HashMap<Key, (Vec<u64>, Vec<u64>)> = HashMap::new();
        for (system, set) in sets.iter().enumerate() {
            for entry in &set.entries {
                let (reads, writes) = users
                    .entry(entry.key)
                    .or_insert_with(|| (vec![0; words], vec![0; words]));
                (if entry.write { writes } else { reads })[system / 64] |= 1 << (system % 64);
            }
        }
        let mut rows = vec![0; words * sets.len()];
        for (system, set) in sets.iter().enumerate() {
            let row = &mut rows[system * words..][..words];
            for entry in &set.entries {
                let (reads, writes) = &users[&entry.key];
                for word in 0..words {
                    row[word] |= writes[word] | if entry.write { reads[word] } else { 0 };
                }
            }
            for (other, &alone_too) in alone.iter().enumerate() {
                if alone[system] || alone_too {
                    row[other / 64] |= 1 << (other % 64);
                }
            }
            row[system / 64] &= !(1 << (system % 64));
        }
        Self {
            owners: sets.iter().map(|set| set.owner).collect(),
            words,
            rows,
        }
    }

    pub(crate) fn words(&self) -> usize {
        self.words
    }

    pub(crate) fn owner(&self, system: usize) -> u64 {
        self.owners[system]
    }

    pub(crate) fn row(&self, system: usize) -> &[u64] {
        &self.rows[system * self.words..][..self.words]
    }

    pub(crate) fn meet(&self, a: usize, b: usize) -> bool {
        self.row(a)[b / 64] >> (b % 64) & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::{AccessSet, Conflicts, Key};

    #[test]
    fn the_matrix_agrees_with_comparing_sets_pair_by_pair() {
        let keys = [
            Key::Component("a"),
            Key::Component("b"),
            Key::Component("c"),
        ];
        // Every system that reads or writes any of three components: 27 of them, more than once, to pass a word's end.
        let sets: Vec<AccessSet> = (0..81)
            .map(|number| {
                let mut set = AccessSet::new("s");
                for (place, &key) in keys.iter().enumerate() {
                    match number / 3usize.pow(place as u32) % 3 {
                        0 => {}
                        how => set.add("p", key, how == 2),
                    }
                }
                set
            })
            .collect();
        let refs: Vec<_> = sets.iter().collect();
        let mut alone = vec![false; sets.len()];
        alone[70] = true;
        let conflicts = Conflicts::new(&refs, &alone);
        for a in 0..sets.len() {
            for b in 0..sets.len() {
                let expected =
                    a != b && (alone[a] || alone[b] || !sets[a].clashes(&sets[b]).is_empty());
                assert_eq!(conflicts.meet(a, b), expected, "{a} {b}");
            }
        }
    }
}
