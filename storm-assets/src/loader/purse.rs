//! The bytes that all loads may hold together, and who waits for whom.
//!
//! A load pays before it allocates, and holds what it paid until its results are taken. One that finds no room waits. So that waiting ends:
//!
//! 1. Of the loads that run, the one with the highest priority, the oldest among equals, is the *elder*. It alone may wait while it holds bytes
//!    and others wait for it.
//! 2. While the elder waits, any other load that finds no room gives back all it holds and goes back to the queue, and none begins.
//! 3. One thread more than read files decodes pictures, whose bytes are paid for: they become results whoever waits.
//! 4. So in the end only the elder and results not taken yet hold bytes. If the elder alone is over the budget it fails; else the caller
//!    takes results, and it goes on.

use std::{
    cmp::Reverse,
    collections::BTreeSet,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::gltf::Problem;

/// Higher priorities first, then older tickets.
pub(super) type Order = (Reverse<i32>, u64);

/// The bytes of all loads.
#[derive(Debug)]
pub(super) struct Purse {
    budget: u64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    held: u64,
    most: u64,
    running: BTreeSet<Order>,
    /// Whether the elder waits.
    starving: bool,
}

impl Purse {
    pub(super) fn new(budget: u64) -> Arc<Self> {
        Arc::new(Self {
            budget,
            state: Mutex::default(),
            changed: Condvar::new(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here can panic half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes held now, and the most that ever were.
    pub(super) fn held(&self) -> (u64, u64) {
        let state = self.state();
        (state.held, state.most)
    }

    /// Whether a load may begin.
    pub(super) fn may_begin(&self) -> bool {
        !self.state().starving
    }

    fn release(&self, bytes: u64) {
        if bytes > 0 {
            self.state().held -= bytes;
            self.changed.notify_all();
        }
    }

    /// Wakes those that wait, to look whether they were cancelled.
    pub(super) fn wake(&self) {
        // Who is about to wait holds the lock.
        drop(self.state());
        self.changed.notify_all();
    }
}

/// Bytes that are held until this goes.
#[derive(Debug)]
pub(super) struct Held {
    purse: Arc<Purse>,
    bytes: u64,
}

impl Held {
    /// Takes a part of the bytes out, to be held apart.
    pub(super) fn split(&mut self, bytes: u64) -> Self {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        Self {
            purse: Arc::clone(&self.purse),
            bytes,
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.purse.release(self.bytes);
    }
}

/// What one load has paid so far. See the top of the file.
#[derive(Debug)]
pub(crate) struct Charge {
    purse: Arc<Purse>,
    order: Order,
    cancelled: Arc<AtomicBool>,
    /// Whether it gave way to the elder.
    deferred: AtomicBool,
    paid: Mutex<Paid>,
}

#[derive(Debug, Default)]
struct Paid {
    /// Of input, before it came in.
    ahead: u64,
    input: u64,
    values: u64,
}

impl Charge {
    /// Begins to run.
    pub(super) fn begin(purse: &Arc<Purse>, order: Order, cancelled: Arc<AtomicBool>) -> Arc<Self> {
        purse.state().running.insert(order);
        Arc::new(Self {
            purse: Arc::clone(purse),
            order,
            cancelled,
            deferred: AtomicBool::new(false),
            paid: Mutex::default(),
        })
    }

    pub(super) fn was_deferred(&self) -> bool {
        self.deferred.load(Ordering::Relaxed)
    }

    fn paid(&self) -> MutexGuard<'_, Paid> {
        self.paid.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pays for a file that is about to be read.
    pub(super) fn ahead(&self, bytes: u64) -> Result<(), Problem> {
        self.pay(bytes)?;
        self.paid().ahead += bytes;
        Ok(())
    }

    /// Pays for input, as far as it was not paid ahead.
    pub(crate) fn input(&self, bytes: u64) -> Result<(), Problem> {
        let missing = {
            let mut paid = self.paid();
            let had = paid.ahead.min(bytes);
            paid.ahead -= had;
            paid.input += had;
            bytes - had
        };
        self.pay(missing)?;
        self.paid().input += missing;
        Ok(())
    }

    /// Pays for values.
    pub(crate) fn values(&self, bytes: u64) -> Result<(), Problem> {
        self.pay(bytes)?;
        self.paid().values += bytes;
        Ok(())
    }

    fn pay(&self, bytes: u64) -> Result<(), Problem> {
        let mut state = self.purse.state();
        loop {
            if self.cancelled.load(Ordering::Relaxed) {
                return Err(Problem::Cancelled);
            }
            let found = state.held.saturating_add(bytes);
            if found <= self.purse.budget {
                state.held = found;
                state.most = state.most.max(found);
                return Ok(());
            }
            if state.running.first() == Some(&self.order) {
                let paid = self.paid();
                let own = [paid.ahead, paid.input, paid.values, bytes]
                    .into_iter()
                    .fold(0, u64::saturating_add);
                if own > self.purse.budget {
                    return Err(Problem::Limit {
                        pointer: String::new(),
                        what: "the bytes of all loads",
                        limit: self.purse.budget,
                        found: own,
                    });
                }
                drop(paid);
                state.starving = true;
                self.purse.changed.notify_all();
            } else if state.starving {
                self.deferred.store(true, Ordering::Relaxed);
                return Err(Problem::Cancelled);
            }
            state = self
                .purse
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            if state.running.first() == Some(&self.order) {
                state.starving = false;
            }
        }
    }

    /// The load is over: what its values take is held on, the rest is given back.
    pub(super) fn settle(&self) -> Held {
        let mut paid = self.paid();
        let values = std::mem::take(&mut paid.values);
        Held {
            purse: Arc::clone(&self.purse),
            bytes: values,
        }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        let paid = std::mem::take(self.paid.get_mut().unwrap_or_else(PoisonError::into_inner));
        let mut state = self.purse.state();
        state.held -= paid.ahead + paid.input + paid.values;
        let was_elder = state.running.first() == Some(&self.order);
        state.running.remove(&self.order);
        if was_elder {
            state.starving = false;
        }
        drop(state);
        self.purse.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charge(purse: &Arc<Purse>, ticket: u64) -> Arc<Charge> {
        Charge::begin(purse, (Reverse(0), ticket), Arc::default())
    }

    #[test]
    fn what_is_paid_is_held_until_it_is_dropped() {
        let purse = Purse::new(100);
        let load = charge(&purse, 0);
        load.ahead(30).unwrap();
        load.input(40).unwrap();
        load.values(50).unwrap();
        assert_eq!(purse.held(), (90, 90), "30 of the 40 were paid ahead");
        let mut held = load.settle();
        drop(load);
        assert_eq!(purse.held().0, 50);
        let part = held.split(20);
        drop(held);
        assert_eq!(purse.held().0, 20);
        drop(part);
        assert_eq!(purse.held(), (0, 90));
    }

    #[test]
    fn one_load_over_the_budget_fails_with_both_figures() {
        let purse = Purse::new(100);
        let load = charge(&purse, 0);
        load.values(60).unwrap();
        let error = load.values(60).unwrap_err().to_string();
        assert_eq!(
            error,
            "the bytes of all loads would take 120, over the limit of 100"
        );
    }

    #[test]
    fn the_younger_gives_way_to_the_elder_and_the_elder_goes_on() {
        let purse = Purse::new(100);
        let (elder, younger) = (charge(&purse, 0), charge(&purse, 1));
        elder.values(50).unwrap();
        younger.values(40).unwrap();
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| elder.values(45));
            // Until the elder waits, the younger would wait for room and not give way.
            while purse.may_begin() {
                std::thread::yield_now();
            }
            assert!(matches!(younger.values(20), Err(Problem::Cancelled)));
            assert!(younger.was_deferred());
            drop(younger);
            waits.join().unwrap().unwrap();
        });
        assert!(purse.may_begin());
        assert_eq!(purse.held().0, 95);
    }

    #[test]
    fn the_elder_goes_on_when_results_are_taken() {
        let purse = Purse::new(100);
        let done = charge(&purse, 0);
        done.values(80).unwrap();
        let result = done.settle();
        drop(done);
        let load = charge(&purse, 1);
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| load.values(30));
            while purse.may_begin() {
                std::thread::yield_now();
            }
            drop(result);
            waits.join().unwrap().unwrap();
        });
    }

    #[test]
    fn one_that_waits_can_be_cancelled() {
        let purse = Purse::new(100);
        let cancelled = Arc::new(AtomicBool::new(false));
        let done = charge(&purse, 0);
        done.values(100).unwrap();
        let _result = done.settle();
        drop(done);
        let load = Charge::begin(&purse, (Reverse(0), 1), Arc::clone(&cancelled));
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| load.values(1));
            while purse.may_begin() {
                std::thread::yield_now();
            }
            cancelled.store(true, Ordering::Relaxed);
            purse.wake();
            assert!(matches!(waits.join().unwrap(), Err(Problem::Cancelled)));
        });
    }
}
