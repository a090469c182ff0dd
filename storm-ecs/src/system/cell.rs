//! The world cell: the one place where systems get at the world.
//!
//! A *claim* is what a parameter keeps: proof that its access is in its system's access set. A *lease* is what a system gets for
//! one run: permission to use that set. A claim redeemed with its system's lease gives the reference.
//!
//! Invariants:
//! 1. While a lease is alive nobody holds `&mut World`. [`Lease::alone`] has borrowed it; a [`Ledger`] keeps it in [`stage`], which
//!    does not return before every lease is back, whatever panics.
//! 2. Two leases alive at a time belong to systems whose access sets do not conflict: `alone` gives one lease a borrow, and
//!    `Ledger::run` checks the conflict matrix against what is running before it gives one.
//! 3. A claim is made only if the access set covers it (checked), and is redeemed only with a lease of the same system on
//!    the same world (checked). Two claims of one set do not conflict: `AccessSet::add` refuses them. A parameter makes one claim for each thing it adds.
//! 4. What a claim gives borrows the claim mutably, so that a claim is redeemed once at a time.
//! 5. During leases only column values, their change tracks and shelf values are written; the structure of the world
//!    (entities, tables, registry, the list of resources) is read only.
//! 6. A [`Shelf`]'s value is reached through `&World` by reading only, and `&World` is lent only to systems that run alone.
#![expect(unsafe_code, reason = "lends parts of the world to systems")]

use core::any::{Any, TypeId, type_name};
use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::ptr::NonNull;
use core::sync::atomic::AtomicU32;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::entity::Entity;
use crate::query::{Query, QueryData, QueryFilter, QueryState};
use crate::resource::Resource;
use crate::system::access::{AccessSet, Conflicts, Key};
use crate::world::World;

// --- shelves ------------------------------------------------------------------------------------------------------

/// The place of one resource's value.
#[derive(Default)]
pub(crate) struct Shelf(UnsafeCell<Option<Box<dyn Any + Send + Sync>>>);

// SAFETY: the value is Send + Sync; through `&Shelf` it is only read, or written by the one system that leased it (invariants 2, 6).
unsafe impl Sync for Shelf {}

impl Shelf {
    pub(crate) fn value_mut(&mut self) -> &mut Option<Box<dyn Any + Send + Sync>> {
        self.0.get_mut()
    }

    /// # Safety
    /// Nobody writes the value during `'a`.
    unsafe fn read<'a, T: Resource>(&self) -> Option<&'a T> {
        // SAFETY: the caller promises that nobody writes, and the shelf outlives 'a because its world does.
        let value: &'a Option<Box<dyn Any + Send + Sync>> = unsafe { &*self.0.get() };
        value.as_deref()?.downcast_ref()
    }

    /// # Safety
    /// Nobody else uses the value during `'a`.
    unsafe fn write<'a, T: Resource>(&self) -> Option<&'a mut T> {
        // SAFETY: the caller promises exclusive use, and the shelf outlives 'a because its world does.
        let value: &'a mut Option<Box<dyn Any + Send + Sync>> = unsafe { &mut *self.0.get() };
        value.as_deref_mut()?.downcast_mut()
    }
}

/// A resource seen through `&World`.
pub(crate) fn read_resource<T: Resource>(world: &World) -> Option<&T> {
    let slot = world.resources.find::<T>()?;
    // SAFETY: invariant 6: whoever holds `&World` runs without a writer beside it.
    unsafe { world.resources.slot(slot).shelf.read() }
}

// --- leases -------------------------------------------------------------------------------------------------------

/// When a system runs, and which entity ids it may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// Its writes carry this tick.
    pub(crate) now: u32,
    /// It asks for changes after this tick.
    pub(crate) since: u32,
    /// Of `takers` systems that may take ids, it is number `taker`.
    pub(crate) taker: u32,
    pub(crate) takers: u32,
}

/// Permission to use one system's access set for `'w`.
#[doc(hidden)]
#[derive(Debug)]
pub struct Lease<'w> {
    world: &'w World,
    owner: u64,
    alone: bool,
    terms: Terms,
}

impl<'w> Lease<'w> {
    /// A lease while nothing else runs: the world is borrowed for all of it.
    #[inline]
    pub(crate) fn alone(world: &'w mut World, owner: u64, terms: Terms) -> Self {
        Self {
            world,
            owner,
            alone: true,
            terms,
        }
    }

    #[inline]
    pub(crate) fn terms(&self) -> Terms {
        self.terms
    }

    #[inline]
    pub(crate) fn ids(&self) -> Ids<'w> {
        Ids {
            world: self.world,
            terms: self.terms,
        }
    }
}

/// Hands a system entity ids by position: no two systems of a segment share one, in whatever order they run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ids<'w> {
    world: &'w World,
    terms: Terms,
}

impl Ids<'_> {
    /// The system's id number `count`.
    #[inline]
    pub(crate) fn get(&self, count: u32) -> Entity {
        let position =
            u64::from(count) * u64::from(self.terms.takers) + u64::from(self.terms.taker);
        self.world.entities.peek(position)
    }
}

// --- claims -------------------------------------------------------------------------------------------------------

pub(crate) fn resource_key<T: Resource>() -> Key {
    Key::Resource(TypeId::of::<T>(), type_name::<T>())
}

/// Whose claim it is: the system, and the world that it was made for.
#[derive(Clone, Copy, Debug)]
struct Owner {
    system: u64,
    world: u64,
}

impl Owner {
    fn new(set: &AccessSet, world: &World) -> Self {
        Self {
            system: set.owner(),
            world: world.serial,
        }
    }

    /// Invariant 3. The world is checked too: an exclusive system may have swapped it for another.
    #[inline]
    fn check(self, lease: &Lease<'_>) {
        assert!(
            self.system == lease.owner && self.world == lease.world.serial,
            "a system parameter was used with the lease of another system or world"
        );
    }
}

/// A query's claim.
#[doc(hidden)]
pub struct QueryClaim<Q: QueryData, F: QueryFilter> {
    owner: Owner,
    state: QueryState<Q, F>,
}

impl<Q: QueryData, F: QueryFilter> core::fmt::Debug for QueryClaim<Q, F> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("QueryClaim")
    }
}

impl<Q: QueryData, F: QueryFilter> QueryClaim<Q, F> {
    pub(crate) fn new(world: &mut World, set: &AccessSet) -> Self {
        assert!(set.covers_query(&Q::ACCESS, &F::READS));
        Self {
            owner: Owner::new(set, world),
            state: QueryState::new(world),
        }
    }

    #[inline]
    pub(crate) fn redeem<'a>(&'a mut self, lease: &Lease<'a>) -> Query<'a, Q, F> {
        self.owner.check(lease);
        let Terms { now, since, .. } = lease.terms;
        // SAFETY: the lease permits this query's access for 'a (invariants 2 and 3), once (invariant 4).
        unsafe { self.state.query_at(lease.world, now, since) }
    }
}

/// A resource's claim, for reading (`WRITE = false`) or writing.
#[doc(hidden)]
#[derive(Debug)]
pub struct ResourceClaim<T, const WRITE: bool> {
    owner: Owner,
    slot: usize,
    marker: PhantomData<fn() -> T>,
}

impl<T: Resource, const WRITE: bool> ResourceClaim<T, WRITE> {
    pub(crate) fn new(world: &mut World, set: &AccessSet) -> Self {
        assert!(set.covers(resource_key::<T>(), WRITE));
        Self {
            owner: Owner::new(set, world),
            slot: world.resources.slot_of::<T>(),
            marker: PhantomData,
        }
    }
}

impl<T: Resource> ResourceClaim<T, false> {
    /// The value, and its ticks: (added, changed).
    #[inline]
    pub(crate) fn redeem<'a>(
        &'a mut self,
        lease: &Lease<'a>,
    ) -> Option<(&'a T, u32, &'a AtomicU32)> {
        self.owner.check(lease);
        let slot = lease.world.resources.slot(self.slot);
        // SAFETY: the lease permits reading it for 'a (invariants 2 and 3).
        let value = unsafe { slot.shelf.read() }?;
        Some((value, slot.added, &slot.changed))
    }
}

impl<T: Resource> ResourceClaim<T, true> {
    /// The value, and its ticks: (added, changed).
    #[inline]
    pub(crate) fn redeem<'a>(
        &'a mut self,
        lease: &Lease<'a>,
    ) -> Option<(&'a mut T, u32, &'a AtomicU32)> {
        self.owner.check(lease);
        let slot = lease.world.resources.slot(self.slot);
        // SAFETY: the lease permits writing it for 'a (invariants 2 and 3), once (invariant 4).
        let value = unsafe { slot.shelf.write() }?;
        Some((value, slot.added, &slot.changed))
    }
}

/// The claim of a system that reads the whole world.
#[doc(hidden)]
#[derive(Debug)]
pub struct WorldClaim(Owner);

impl WorldClaim {
    pub(crate) fn new(world: &World, set: &AccessSet) -> Self {
        assert!(set.reads_world());
        Self(Owner::new(set, world))
    }

    pub(crate) fn redeem<'a>(&'a mut self, lease: &Lease<'a>) -> &'a World {
        self.0.check(lease);
        assert!(lease.alone, "a system that reads the world runs alone");
        lease.world
    }
}

// --- the ledger ---------------------------------------------------------------------------------------------------

/// A world lent to systems on several threads, and what the runner keeps beside it (`state`).
pub(crate) struct Ledger<T> {
    book: Mutex<Book<T>>,
    changed: Condvar,
    conflicts: Arc<Conflicts>,
}

/// What the ledger's lock guards.
pub(crate) struct Book<T> {
    /// `None` once the stage is over.
    world: Option<NonNull<World>>,
    running: Box<[u64]>,
    count: usize,
    pub(crate) state: T,
}

// SAFETY: the pointer is used only under invariant 1, and World is Send and Sync.
unsafe impl<T: Send> Send for Book<T> {}

pub(crate) type Page<'a, T> = MutexGuard<'a, Book<T>>;

/// Lends `world` to whoever has the ledger, until `body` is over and every lease is back.
pub(crate) fn stage<T, R>(
    world: &mut World,
    conflicts: &Arc<Conflicts>,
    state: T,
    body: impl FnOnce(&Arc<Ledger<T>>) -> R,
) -> R {
    let ledger = Arc::new(Ledger {
        book: Mutex::new(Book {
            world: Some(NonNull::from(world)),
            running: vec![0; conflicts.words()].into(),
            count: 0,
            state,
        }),
        changed: Condvar::new(),
        conflicts: conflicts.clone(),
    });
    // Keeps invariant 1 when `body` panics too.
    struct Close<'a, T>(&'a Ledger<T>);
    impl<T> Drop for Close<'_, T> {
        fn drop(&mut self) {
            let mut page = self.0.open();
            page.world = None;
            while page.count > 0 {
                page = self.0.wait(page);
            }
        }
    }
    let _close = Close(&*ledger);
    body(&ledger)
}

impl<T> Ledger<T> {
    pub(crate) fn open(&self) -> Page<'_, T> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn wait<'a>(&self, page: Page<'a, T>) -> Page<'a, T> {
        self.changed
            .wait(page)
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn notify(&self) {
        self.changed.notify_all();
    }

    /// Whether the stage is open and system `index` conflicts with nothing that is running.
    pub(crate) fn is_free(&self, page: &Book<T>, index: usize) -> bool {
        let row = self.conflicts.row(index);
        page.world.is_some() && row.iter().zip(&page.running).all(|(a, b)| a & b == 0)
    }

    /// Runs `work` with a lease for system `index`, the ledger unlocked meanwhile.
    ///
    /// # Panics
    /// If the system conflicts with one that is running, or runs itself, or the stage is over.
    pub(crate) fn run<'l, R>(
        &'l self,
        mut page: Page<'l, T>,
        index: usize,
        terms: Terms,
        work: impl for<'a> FnOnce(Lease<'a>) -> R,
    ) -> (Page<'l, T>, R) {
        let (word, bit) = (index / 64, 1u64 << (index % 64));
        assert!(self.is_free(&page, index) && page.running[word] & bit == 0);
        let Some(world) = page.world else {
            unreachable!("the stage is open, as checked")
        };
        page.running[word] |= bit;
        page.count += 1;
        drop(page);
        // Gives the lease back when `work` panics too.
        struct Return<'l, T>(&'l Ledger<T>, usize, u64);
        impl<'l, T> Return<'l, T> {
            fn back(&self) -> Page<'l, T> {
                let mut page = self.0.open();
                page.running[self.1] &= !self.2;
                page.count -= 1;
                if page.world.is_none() {
                    self.0.notify();
                }
                page
            }
        }
        impl<T> Drop for Return<'_, T> {
            fn drop(&mut self) {
                drop(self.back());
            }
        }
        let lease_back = Return(self, word, bit);
        // SAFETY: `stage` keeps the world borrowed while the count is above zero (invariant 1); the reference ends with `work`,
        // before the count is lowered.
        let world = unsafe { world.as_ref() };
        let result = work(Lease {
            world,
            owner: self.conflicts.owner(index),
            alone: false,
            terms,
        });
        let page = lease_back.back();
        core::mem::forget(lease_back);
        (page, result)
    }
}
