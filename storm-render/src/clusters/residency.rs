//! Which pages are in memory: decides, frame by frame, what to load and what to give up. It reads and copies nothing itself.
//!
//! After each call:
//! 1. The pages that are resident or on their way take at most the budget, unless root pages alone take more.
//! 2. The resident set is closed: with a page, the pages that it needs are resident. Root pages always are.
//! 3. What is done depends on the calls alone, not on time or on the order of a table.
//!
//! A page is worth the largest projected error that a view saw in it: what is worth most is loaded first. A page that nobody saw this frame
//! gives way to any, the longest unseen first; one that was seen gives way only to one worth [`WORTH_MORE`] times as much. So where more is wanted than fits, what is
//! worth most stays, and nothing goes back and forth.

use std::collections::{BTreeMap, BinaryHeap};

use storm_assets::clusters::ClusterMesh;

/// How much more a page has to be worth than one that was seen, to take its place.
const WORTH_MORE: f32 = 1.25;
/// Frames until a page that could not be read is tried again; doubled with each failure.
const RETRY_FRAMES: u64 = 16;
/// Failures after which the wait does not grow further.
const RETRY_DOUBLINGS: u32 = 8;
/// Pages that do not fit, after which those worth less are not looked at in a frame.
const MISFITS_MAX: u32 = 16;

/// A page of a mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PageKey {
    /// The number that [`Residency::add`] was given.
    pub(crate) mesh: u32,
    pub(crate) page: u32,
}

/// A page that a view drew from, or would have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) key: PageKey,
    /// The largest projected error of its groups, pixels.
    pub(crate) error: f32,
}

/// A page that is to be read. The outcome goes to [`Residency::loaded`] or [`Residency::failed`], best in the order of the loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) key: PageKey,
    /// Names this load, and no other ever.
    pub(crate) ticket: u64,
}

/// What to do now: first `evict`, in its order, then `load`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Actions {
    /// No longer resident, from now on. What needs a page comes before it.
    pub(crate) evict: Vec<PageKey>,
    pub(crate) load: Vec<Load>,
}

/// Why a mesh cannot be added: its root pages, which always are resident, do not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RootsDoNotFit {
    /// Bytes of its root pages.
    pub(crate) needed: u64,
    /// What the root pages of the other meshes leave of the budget.
    pub(crate) left: u64,
}

/// How things stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ResidencyCounts {
    /// Bytes of resident pages.
    pub(crate) resident_bytes: u64,
    /// Bytes of pages on their way.
    pub(crate) loading_bytes: u64,
    /// Pages on their way.
    pub(crate) loading: u32,
    /// Pages that were wanted last frame and neither are resident nor on their way.
    pub(crate) missing: u32,
    /// Loads that failed, since the beginning.
    pub(crate) failures: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Absent,
    Loading(u64),
    Resident,
}

#[derive(Debug)]
struct PageState {
    bytes: u64,
    state: State,
    needs: Vec<u32>,
    /// Pages that need it and are resident or on their way.
    users: u32,
    /// The frame in which it was seen last.
    seen: u64,
    /// What it was worth then.
    error: f32,
    failures: u32,
    /// Not loaded before this frame.
    retry: u64,
}

#[derive(Debug)]
struct MeshState {
    root_pages: u32,
    pages: Vec<PageState>,
}

/// The state of all pages of all meshes.
#[derive(Debug)]
pub(crate) struct Residency {
    budget: u64,
    loading_max: u32,
    frame: u64,
    next_ticket: u64,
    root_bytes: u64,
    counts: ResidencyCounts,
    meshes: BTreeMap<u32, MeshState>,
    tickets: BTreeMap<u64, PageKey>,
}

/// Bytes that a page takes: places in memory begin at multiples of 16.
fn page_bytes(bytes: u32) -> u64 {
    u64::from(bytes).next_multiple_of(16)
}

/// The order in which pages give way: the greatest first.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Victim {
    /// The frame in which it was seen last, and its worth if that is this frame.
    seen: u64,
    error: f32,
    key: PageKey,
}

impl Eq for Victim {}
impl PartialOrd for Victim {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Victim {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let seen = other.seen.cmp(&self.seen);
        let error = other.error.total_cmp(&self.error);
        seen.then(error).then(self.key.cmp(&other.key))
    }
}

impl Residency {
    /// With room for `budget` bytes of pages, and at most `loading_max` (at least 1) on their way at a time.
    pub(crate) fn new(budget: u64, loading_max: u32) -> Self {
        Self {
            budget,
            loading_max: loading_max.max(1),
            frame: 1,
            next_ticket: 0,
            root_bytes: 0,
            counts: ResidencyCounts::default(),
            meshes: BTreeMap::new(),
            tickets: BTreeMap::new(),
        }
    }

    /// Another budget. What is too much then is given up in the next frame.
    pub(crate) fn set_budget(&mut self, budget: u64) {
        self.budget = budget;
    }

    pub(crate) fn counts(&self) -> ResidencyCounts {
        self.counts
    }

    /// Whether a page is resident.
    pub(crate) fn is_resident(&self, key: PageKey) -> bool {
        self.state(key)
            .is_some_and(|page| page.state == State::Resident)
    }

    /// A mesh under a number that no mesh has now. Its root pages are resident at once: the caller uploads them. Gives the pages that make room for them.
    ///
    /// # Errors
    /// When the root pages do not fit beside those of the other meshes. Then nothing has changed.
    pub(crate) fn add(
        &mut self,
        number: u32,
        mesh: &ClusterMesh,
    ) -> Result<Vec<PageKey>, RootsDoNotFit> {
        let pages = mesh.pages().iter();
        let pages = pages.map(|page| (page.bytes, page.needs.clone())).collect();
        self.add_pages(number, mesh.info().root_pages, pages)
    }

    fn add_pages(
        &mut self,
        number: u32,
        root_pages: u32,
        pages: Vec<(u32, Vec<u32>)>,
    ) -> Result<Vec<PageKey>, RootsDoNotFit> {
        debug_assert!(!self.meshes.contains_key(&number));
        let roots = &pages[..root_pages as usize];
        let needed: u64 = roots.iter().map(|&(bytes, _)| page_bytes(bytes)).sum();
        let left = self.budget.saturating_sub(self.root_bytes);
        if needed > left {
            return Err(RootsDoNotFit { needed, left });
        }
        let mut evicted = Vec::new();
        // What is on its way cannot be called back: it is dropped when it comes.
        let mut victims = self.victims();
        while self.taken() + needed > self.budget {
            if let Some(victim) = victims.pop() {
                self.evict(victim.key, &mut victims);
                evicted.push(victim.key);
            } else if let Some((&ticket, _)) = self.tickets.last_key_value() {
                self.cancel(ticket);
                victims = self.victims();
            } else {
                break;
            }
        }
        self.root_bytes += needed;
        self.counts.resident_bytes += needed;
        let state = |(i, (bytes, needs)): (usize, (u32, Vec<u32>))| PageState {
            bytes: page_bytes(bytes),
            state: if (i as u32) < root_pages {
                State::Resident
            } else {
                State::Absent
            },
            needs,
            users: 0,
            seen: 0,
            error: 0.0,
            failures: 0,
            retry: 0,
        };
        let pages = pages.into_iter().enumerate().map(state).collect();
        self.meshes.insert(number, MeshState { root_pages, pages });
        Ok(evicted)
    }

    /// Takes a mesh away with all its pages; loads of it come to nothing.
    pub(crate) fn remove(&mut self, number: u32) {
        let Some(mesh) = self.meshes.remove(&number) else {
            return;
        };
        for (i, page) in (0..).zip(&mesh.pages) {
            match page.state {
                State::Absent => {}
                State::Loading(ticket) => {
                    self.tickets.remove(&ticket);
                    self.counts.loading -= 1;
                    self.counts.loading_bytes -= page.bytes;
                }
                State::Resident => {
                    self.counts.resident_bytes -= page.bytes;
                    if i < mesh.root_pages {
                        self.root_bytes -= page.bytes;
                    }
                }
            }
        }
    }

    /// One frame: what was seen in it (pages that are resident, and pages that are not but should be; any order, any number of times), and what is to be done about it.
    ///
    /// Cost: O(seen, with what they need · log), and O(resident · log) where something has to give way.
    pub(crate) fn frame(&mut self, seen: &[Seen]) -> Actions {
        self.frame += 1;
        let wanted = self.note(seen);
        let mut actions = Actions::default();
        let mut victims = None;
        // After a smaller budget was set.
        while self.taken() > self.budget {
            let heap = victims.get_or_insert_with(|| self.victims());
            let Some(victim) = heap.pop() else { break };
            self.evict(victim.key, heap);
            actions.evict.push(victim.key);
        }
        let mut misfits = 0;
        self.counts.missing = 0;
        for Seen { key, error } in wanted {
            self.counts.missing += 1;
            if self.counts.loading >= self.loading_max || misfits > MISFITS_MAX {
                continue;
            }
            if !self.may_load(key) {
                continue;
            }
            if !self.make_room(key, error, &mut victims, &mut actions.evict) {
                misfits += 1;
                continue;
            }
            self.counts.missing -= 1;
            actions.load.push(self.begin(key));
        }
        actions
    }

    /// A page was read. `Some`: it is resident from now on. `None`: it is to be dropped, for its mesh has gone, or a page that it needs is not there.
    pub(crate) fn loaded(&mut self, ticket: u64) -> Option<PageKey> {
        let key = *self.tickets.get(&ticket)?;
        let mesh = &self.meshes[&key.mesh];
        let needs = &mesh.pages[key.page as usize].needs;
        let closed = needs
            .iter()
            .all(|&n| mesh.pages[n as usize].state == State::Resident);
        if !closed {
            self.cancel(ticket);
            return None;
        }
        self.tickets.remove(&ticket);
        let page = self.state_mut(key);
        page.state = State::Resident;
        page.failures = 0;
        let bytes = page.bytes;
        self.counts.loading -= 1;
        self.counts.loading_bytes -= bytes;
        self.counts.resident_bytes += bytes;
        Some(key)
    }

    /// A page could not be read. It is tried again after some frames, more with each failure. Gives which page, and how often in a row it has failed; `None` where its mesh has gone.
    pub(crate) fn failed(&mut self, ticket: u64) -> Option<(PageKey, u32)> {
        let key = *self.tickets.get(&ticket)?;
        self.cancel(ticket);
        self.counts.failures += 1;
        let frame = self.frame;
        let page = self.state_mut(key);
        page.retry = frame + (RETRY_FRAMES << page.failures.min(RETRY_DOUBLINGS));
        page.failures = page.failures.saturating_add(1);
        Some((key, page.failures))
    }

    fn taken(&self) -> u64 {
        self.counts.resident_bytes + self.counts.loading_bytes
    }

    fn state(&self, key: PageKey) -> Option<&PageState> {
        self.meshes.get(&key.mesh)?.pages.get(key.page as usize)
    }

    /// Of a page that is there.
    fn state_mut(&mut self, key: PageKey) -> &mut PageState {
        let mesh = self
            .meshes
            .get_mut(&key.mesh)
            .expect("a mesh that is there");
        &mut mesh.pages[key.page as usize]
    }

    /// Writes down what was seen, with what that needs, which is worth at least as much. Gives what is absent of it, in the order in which it is to be loaded.
    fn note(&mut self, seen: &[Seen]) -> Vec<Seen> {
        let mut worth: BTreeMap<PageKey, f32> = BTreeMap::new();
        for seen in seen {
            if self.state(seen.key).is_some() && seen.error > 0.0 {
                let worth = worth.entry(seen.key).or_insert(0.0);
                *worth = worth.max(seen.error);
            }
        }
        let frame = self.frame;
        let mut wanted = Vec::new();
        // Needed pages have smaller numbers: from the last to the first, each is complete when its turn comes.
        while let Some((key, error)) = worth.pop_last() {
            let mesh = self.meshes.get_mut(&key.mesh).expect("it was found above");
            let page = &mut mesh.pages[key.page as usize];
            (page.seen, page.error) = (frame, error);
            if page.state == State::Absent {
                wanted.push(Seen { key, error });
            }
            for &need in &page.needs {
                let need = PageKey { page: need, ..key };
                let worth = worth.entry(need).or_insert(0.0);
                *worth = worth.max(error);
            }
        }
        wanted.sort_by(|a, b| b.error.total_cmp(&a.error).then(a.key.cmp(&b.key)));
        wanted
    }

    /// Whether all that a page needs is there or before it on the way, and it is not waiting after a failure.
    fn may_load(&self, key: PageKey) -> bool {
        let mesh = &self.meshes[&key.mesh];
        let page = &mesh.pages[key.page as usize];
        let mut needs = page.needs.iter().map(|&n| &mesh.pages[n as usize]);
        page.retry <= self.frame && needs.all(|need| need.state != State::Absent)
    }

    /// All pages that may give way.
    fn victims(&self) -> BinaryHeap<Victim> {
        let mut victims = BinaryHeap::new();
        for (&mesh, state) in &self.meshes {
            for page in state.root_pages..state.pages.len() as u32 {
                victims.extend(self.victim(PageKey { mesh, page }));
            }
        }
        victims
    }

    /// A page as one that may give way: it is resident, no root, and nothing that is there needs it.
    fn victim(&self, key: PageKey) -> Option<Victim> {
        let mesh = &self.meshes[&key.mesh];
        let page = &mesh.pages[key.page as usize];
        let may = page.state == State::Resident && page.users == 0 && key.page >= mesh.root_pages;
        may.then_some(Victim {
            seen: page.seen,
            error: if page.seen == self.frame {
                page.error
            } else {
                0.0
            },
            key,
        })
    }

    /// Makes room for a page by giving up pages that are worth less, or changes nothing.
    fn make_room(
        &mut self,
        key: PageKey,
        error: f32,
        victims: &mut Option<BinaryHeap<Victim>>,
        evicted: &mut Vec<PageKey>,
    ) -> bool {
        let needed = self.meshes[&key.mesh].pages[key.page as usize].bytes;
        if self.taken() + needed <= self.budget {
            return true;
        }
        // What it needs stays for its sake.
        self.use_needs(key, true);
        let heap = victims.get_or_insert_with(|| self.victims());
        // First on paper: nothing is given up where it would not do.
        let mut gone = Vec::new();
        let mut skipped = Vec::new();
        while self.taken() + needed > self.budget {
            let Some(victim) = heap.pop() else { break };
            // A candidate from before: it was given up, or something needs it by now.
            if self.victim(victim.key).is_none() {
                skipped.extend(self.is_resident(victim.key).then_some(victim));
                continue;
            }
            if victim.seen == self.frame && victim.error * WORTH_MORE >= error {
                heap.push(victim);
                break;
            }
            self.evict(victim.key, heap);
            gone.push(victim);
        }
        let done = self.taken() + needed <= self.budget;
        if done {
            evicted.extend(gone.iter().map(|victim| victim.key));
        } else {
            for victim in gone.iter().rev() {
                self.bring_back(victim.key);
            }
            heap.extend(gone);
        }
        heap.extend(skipped);
        self.use_needs(key, false);
        done
    }

    /// Counts a page as one that needs its needs, or no longer.
    fn use_needs(&mut self, key: PageKey, more: bool) {
        let mesh = self
            .meshes
            .get_mut(&key.mesh)
            .expect("a mesh that is there");
        for i in 0..mesh.pages[key.page as usize].needs.len() {
            let need = mesh.pages[key.page as usize].needs[i] as usize;
            let users = &mut mesh.pages[need].users;
            *users = if more { *users + 1 } else { *users - 1 };
        }
    }

    /// A page is no longer resident. What it needs may give way next.
    fn evict(&mut self, key: PageKey, victims: &mut BinaryHeap<Victim>) {
        let page = self.state_mut(key);
        page.state = State::Absent;
        let bytes = page.bytes;
        self.counts.resident_bytes -= bytes;
        self.use_needs(key, false);
        for &need in &self.meshes[&key.mesh].pages[key.page as usize].needs {
            victims.extend(self.victim(PageKey { page: need, ..key }));
        }
    }

    /// Undoes [`Residency::evict`].
    fn bring_back(&mut self, key: PageKey) {
        let page = self.state_mut(key);
        page.state = State::Resident;
        let bytes = page.bytes;
        self.counts.resident_bytes += bytes;
        self.use_needs(key, true);
    }

    fn begin(&mut self, key: PageKey) -> Load {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        let page = self.state_mut(key);
        page.state = State::Loading(ticket);
        let bytes = page.bytes;
        self.counts.loading += 1;
        self.counts.loading_bytes += bytes;
        self.use_needs(key, true);
        self.tickets.insert(ticket, key);
        Load { key, ticket }
    }

    /// A load comes to nothing.
    fn cancel(&mut self, ticket: u64) {
        let key = self.tickets.remove(&ticket).expect("a load on its way");
        let page = self.state_mut(key);
        page.state = State::Absent;
        let bytes = page.bytes;
        self.counts.loading -= 1;
        self.counts.loading_bytes -= bytes;
        self.use_needs(key, false);
    }
}

#[cfg(test)]
#[path = "residency_tests.rs"]
mod tests;
