//! Residency against what it promises, over random histories.

use super::*;

/// Numbers that look random and are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ z >> 31) % n
    }
}

type Pages = Vec<(u32, Vec<u32>)>;

/// A mesh of pages that need pages before them, two of them roots.
fn mesh(random: &mut Random, count: u32) -> Pages {
    (0..count)
        .map(|i| {
            let bytes = 1000 + random.below(130_000 - 1000) as u32 / 4 * 4;
            let mut needs: Vec<u32> = Vec::new();
            if i >= 2 {
                needs.extend((0..=random.below(3)).map(|_| random.below(u64::from(i)) as u32));
                needs.sort_unstable();
                needs.dedup();
            }
            (bytes, needs)
        })
        .collect()
}

/// What a residency is to keep, and what it said.
struct Model {
    meshes: BTreeMap<u32, Pages>,
    resident: std::collections::BTreeSet<PageKey>,
    on_the_way: Vec<Load>,
    budget: u64,
}

impl Model {
    fn evict(&mut self, keys: &[PageKey]) {
        for key in keys {
            assert!(self.resident.remove(key), "{key:?} was not there");
            assert!(key.page >= 2, "a root page");
            self.check_closed();
        }
    }

    fn check_closed(&self) {
        for key in &self.resident {
            for &need in &self.meshes[&key.mesh][key.page as usize].1 {
                let need = PageKey { page: need, ..*key };
                assert!(self.resident.contains(&need), "{key:?} without {need:?}");
            }
        }
    }

    fn bytes(&self, keys: impl Iterator<Item = PageKey>) -> u64 {
        keys.map(|k| page_bytes(self.meshes[&k.mesh][k.page as usize].0))
            .sum()
    }

    fn check(&self, residency: &Residency) {
        self.check_closed();
        let there = self.bytes(self.resident.iter().copied());
        let coming = self.bytes(self.on_the_way.iter().map(|l| l.key));
        let counts = residency.counts();
        assert_eq!(
            (counts.resident_bytes, counts.loading_bytes),
            (there, coming)
        );
        assert!(there + coming <= self.budget, "{there} + {coming}");
        for (&mesh, pages) in &self.meshes {
            for page in 0..pages.len() as u32 {
                let key = PageKey { mesh, page };
                assert_eq!(residency.is_resident(key), self.resident.contains(&key));
            }
        }
    }

    fn act(&mut self, residency: &mut Residency, seen: &[Seen]) -> Actions {
        let actions = residency.frame(seen);
        self.evict(&actions.evict);
        for load in &actions.load {
            assert!(!self.resident.contains(&load.key));
            assert!(self.on_the_way.iter().all(|l| l.key != load.key));
            self.on_the_way.push(*load);
        }
        self.check(residency);
        actions
    }

    fn add(&mut self, residency: &mut Residency, number: u32, pages: Pages) {
        if let Ok(evicted) = residency.add_pages(number, 2, pages.clone()) {
            self.evict(&evicted);
            // Loads that made way come to nothing.
            self.on_the_way
                .retain(|load| residency.tickets.contains_key(&load.ticket));
            self.meshes.insert(number, pages);
            self.resident
                .extend([0, 1].map(|page| PageKey { mesh: number, page }));
        }
        self.check(residency);
    }
}

#[test]
fn whatever_happens_the_budget_holds_and_the_resident_set_is_closed() {
    for seed in 0..30 {
        let mut random = Random(seed);
        let budget = 300_000 + random.below(4_000_000);
        let mut residency = Residency::new(budget, 1 + random.below(12) as u32);
        let mut model = Model {
            meshes: BTreeMap::new(),
            resident: Default::default(),
            on_the_way: Vec::new(),
            budget,
        };
        for _ in 0..400 {
            match random.below(20) {
                0 if model.meshes.len() < 5 => {
                    let number = (0..).find(|n| !model.meshes.contains_key(n)).unwrap();
                    let count = 3 + random.below(60) as u32;
                    let pages = mesh(&mut random, count);
                    model.add(&mut residency, number, pages);
                }
                1 if model.meshes.len() > 2 => {
                    let n = random.below(model.meshes.len() as u64) as usize;
                    let number = *model.meshes.keys().nth(n).unwrap();
                    residency.remove(number);
                    model.meshes.remove(&number);
                    model.resident.retain(|key| key.mesh != number);
                    // The reader knows nothing of it: its loads still come.
                    for load in &model.on_the_way {
                        if load.key.mesh == number {
                            assert_eq!(residency.loaded(load.ticket), None);
                            assert_eq!(residency.failed(load.ticket), None);
                        }
                    }
                    model.on_the_way.retain(|load| load.key.mesh != number);
                }
                2..9 if !model.on_the_way.is_empty() => {
                    // Mostly the first, sometimes another.
                    let n = if random.below(4) == 0 {
                        random.below(model.on_the_way.len() as u64) as usize
                    } else {
                        0
                    };
                    let load = model.on_the_way.remove(n);
                    if random.below(8) == 0 {
                        let (key, times) = residency.failed(load.ticket).unwrap();
                        assert!(key == load.key && times > 0);
                    } else if let Some(key) = residency.loaded(load.ticket) {
                        assert_eq!(key, load.key);
                        model.resident.insert(key);
                    }
                }
                _ => {
                    let mut seen = Vec::new();
                    for (&mesh, pages) in &model.meshes {
                        for _ in 0..random.below(10) {
                            // Now and then a page that is not there at all.
                            let page = random.below(pages.len() as u64 + 1) as u32;
                            let error = random.below(1000) as f32 / 10.0;
                            let key = PageKey { mesh, page };
                            seen.push(Seen { key, error });
                        }
                    }
                    model.act(&mut residency, &seen);
                }
            }
            model.check(&residency);
        }
    }
}

/// Sees the same, frame after frame, until nothing more is done; pages come after two frames.
fn settle(residency: &mut Residency, model: &mut Model, seen: &[Seen]) -> usize {
    let mut evictions = 0;
    let mut idle = 0;
    for _ in 0..5000 {
        let come: Vec<Load> = model.on_the_way.drain(..).collect();
        for load in come {
            if let Some(key) = residency.loaded(load.ticket) {
                model.resident.insert(key);
            }
        }
        let actions = model.act(residency, seen);
        evictions += actions.evict.len();
        idle = if actions == Actions::default() {
            idle + 1
        } else {
            0
        };
        if idle == 20 {
            return evictions;
        }
    }
    panic!("it never settles");
}

fn with_one_mesh(random: &mut Random, budget: u64, pages: Pages) -> (Residency, Model) {
    let mut residency = Residency::new(budget, 1 + random.below(8) as u32);
    let mut model = Model {
        meshes: BTreeMap::new(),
        resident: Default::default(),
        on_the_way: Vec::new(),
        budget,
    };
    model.add(&mut residency, 7, pages);
    (residency, model)
}

fn seen_at_random(random: &mut Random, pages: &Pages, count: u64) -> Vec<Seen> {
    (0..count)
        .map(|_| Seen {
            key: PageKey {
                mesh: 7,
                page: random.below(pages.len() as u64) as u32,
            },
            error: 0.5 + random.below(1000) as f32 / 10.0,
        })
        .collect()
}

#[test]
fn what_fits_arrives_with_all_that_it_needs() {
    for seed in 0..20 {
        let mut random = Random(100 + seed);
        let pages = mesh(&mut random, 80);
        let all: u64 = pages.iter().map(|&(bytes, _)| page_bytes(bytes)).sum();
        let (mut residency, mut model) = with_one_mesh(&mut random, all, pages.clone());
        // Views one after the other: what earlier ones left behind does not stand in the way.
        for _ in 0..3 {
            let seen = seen_at_random(&mut random, &pages, 30);
            settle(&mut residency, &mut model, &seen);
            assert!(seen.iter().all(|s| model.resident.contains(&s.key)));
            assert_eq!(residency.counts().missing, 0);
        }
    }
}

#[test]
fn where_more_is_wanted_than_fits_it_settles_on_what_is_worth_most() {
    let mut tight = 0;
    for seed in 0..30 {
        let mut random = Random(200 + seed);
        let pages = mesh(&mut random, 80);
        let all: u64 = pages.iter().map(|&(bytes, _)| page_bytes(bytes)).sum();
        let budget = (all / 3).max(400_000);
        let (mut residency, mut model) = with_one_mesh(&mut random, budget, pages.clone());
        for _ in 0..3 {
            let seen = seen_at_random(&mut random, &pages, 60);
            settle(&mut residency, &mut model, &seen);
            let worth = |page: u32| residency.meshes[&7].pages[page as usize].error;
            let now = residency.frame;
            let is_seen = |page: u32| residency.meshes[&7].pages[page as usize].seen == now;
            let absent: Vec<u32> = (0..80)
                .filter(|&page| {
                    is_seen(page) && !model.resident.contains(&PageKey { mesh: 7, page })
                })
                .collect();
            if absent.is_empty() {
                continue;
            }
            tight += 1;
            // Of what could have come next, nothing is worth so much more than something that may go.
            let free = budget - residency.counts().resident_bytes;
            for page in absent {
                let key = PageKey { mesh: 7, page };
                if !residency.may_load(key) || page_bytes(pages[page as usize].0) <= free {
                    continue;
                }
                let mut less: u64 = 0;
                for key in &model.resident {
                    if key.page >= 2 && worth(key.page) * WORTH_MORE < worth(page) {
                        less += page_bytes(pages[key.page as usize].0);
                    }
                }
                assert!(
                    free + less < page_bytes(pages[page as usize].0) * 2,
                    "page {page}"
                );
            }
        }
    }
    assert!(tight > 30, "{tight}");
}

#[test]
fn the_longest_unseen_goes_first() {
    let pages: Pages = vec![
        (16, vec![]),
        (16, vec![]),
        (1600, vec![0]),
        (1600, vec![0]),
        (1600, vec![1]),
    ];
    let (mut residency, mut model) = with_one_mesh(&mut Random(1), 3300, pages);
    let see = |page: u32, error: f32| Seen {
        key: PageKey { mesh: 7, page },
        error,
    };
    settle(&mut residency, &mut model, &[see(3, 5.0)]);
    settle(&mut residency, &mut model, &[see(2, 5.0)]);
    // Both fit. The third is worth little, but page 3 has not been seen for longer than page 2.
    settle(&mut residency, &mut model, &[see(4, 0.1)]);
    let resident: Vec<u32> = model.resident.iter().map(|k| k.page).collect();
    assert_eq!(resident, [0, 1, 2, 4]);
    // Two that are seen at once, and a third worth a little more: it waits.
    let seen = [see(2, 1.0), see(4, 1.0), see(3, 1.2)];
    assert_eq!(settle(&mut residency, &mut model, &seen), 0);
    assert_eq!(residency.counts().missing, 1);
    // Worth a lot more: it comes.
    let seen = [see(2, 1.0), see(4, 1.1), see(3, 1.3)];
    assert_eq!(settle(&mut residency, &mut model, &seen), 1);
    let resident: Vec<u32> = model.resident.iter().map(|k| k.page).collect();
    assert_eq!(resident, [0, 1, 3, 4]);
}

#[test]
fn a_page_that_fails_is_tried_less_and_less_often() {
    let pages: Pages = vec![(16, vec![]), (16, vec![]), (160, vec![0]), (160, vec![2])];
    let (mut residency, mut model) = with_one_mesh(&mut Random(1), 10_000, pages);
    let seen = [Seen {
        key: PageKey { mesh: 7, page: 3 },
        error: 2.0,
    }];
    let mut tries = Vec::new();
    for frame in 0_u64..3000 {
        model.act(&mut residency, &seen);
        for load in std::mem::take(&mut model.on_the_way) {
            // What needs it was on its way behind it, and is dropped.
            if load.key.page == 3 {
                assert_eq!(residency.loaded(load.ticket), None);
                continue;
            }
            let (_, times) = residency.failed(load.ticket).unwrap();
            tries.push(frame);
            assert_eq!(times as usize, tries.len());
        }
    }
    let gaps: Vec<u64> = tries.windows(2).map(|w| w[1] - w[0]).collect();
    assert_eq!(gaps, [16, 32, 64, 128, 256, 512, 1024]);
    assert_eq!(residency.counts().failures, 8);
    assert_eq!(residency.counts().missing, 2);
    // And then it can be read.
    for _ in 0..5000 {
        model.act(&mut residency, &seen);
        for load in std::mem::take(&mut model.on_the_way) {
            model.resident.extend(residency.loaded(load.ticket));
        }
    }
    assert!(residency.is_resident(seen[0].key));
}

#[test]
fn roots_that_do_not_fit_are_refused() {
    let pages: Pages = vec![(1600, vec![]), (1600, vec![]), (1600, vec![0])];
    let (mut residency, mut model) = with_one_mesh(&mut Random(1), 5000, pages.clone());
    let seen = [Seen {
        key: PageKey { mesh: 7, page: 2 },
        error: 2.0,
    }];
    settle(&mut residency, &mut model, &seen);
    assert_eq!(
        residency.add_pages(8, 2, pages),
        Err(RootsDoNotFit {
            needed: 3200,
            left: 1800
        })
    );
    model.check(&residency);
    // Roots that fit once the page has gone.
    model.add(&mut residency, 8, vec![(800, vec![]), (800, vec![])]);
    assert!(model.meshes.contains_key(&8) && !model.resident.contains(&seen[0].key));
}

#[test]
fn a_smaller_budget_is_kept_from_the_next_frame_on() {
    let mut random = Random(9);
    let pages = mesh(&mut random, 40);
    let all: u64 = pages.iter().map(|&(bytes, _)| page_bytes(bytes)).sum();
    let (mut residency, mut model) = with_one_mesh(&mut random, all, pages.clone());
    let seen = seen_at_random(&mut random, &pages, 40);
    settle(&mut residency, &mut model, &seen);
    model.budget = all / 2;
    residency.set_budget(all / 2);
    assert!(!model.act(&mut residency, &seen).evict.is_empty());
    settle(&mut residency, &mut model, &seen);
}
