//! Reads pages on a thread of its own, in the order in which they are asked for.
//!
//! Dropping the reader waits for the page that is being read, and leaves the others unread.

use std::{
    sync::mpsc::{Receiver, Sender, channel},
    thread::JoinHandle,
};

use storm_assets::clusters::{ClusterError, ClusterMesh, Page};

use super::residency::Load;

/// A page that was read, or why it was not.
pub(crate) struct Read {
    pub(crate) load: Load,
    pub(crate) page: Result<Page, ClusterError>,
}

/// The thread, and what goes to and comes from it.
pub(crate) struct PageReader {
    asked: Option<Sender<(Load, ClusterMesh)>>,
    read: Receiver<Read>,
    thread: Option<JoinHandle<()>>,
}

impl PageReader {
    /// # Errors
    /// When the system has no thread left.
    pub(crate) fn new() -> std::io::Result<Self> {
        let (asked, work) = channel::<(Load, ClusterMesh)>();
        let (done, read) = channel();
        let thread = std::thread::Builder::new()
            .name("cluster pages".into())
            .spawn(move || {
                for (load, mesh) in work {
                    let page = mesh.read_page(load.key.page);
                    // Nobody is there to take it: nobody wants more.
                    if done.send(Read { load, page }).is_err() {
                        break;
                    }
                }
            })?;
        Ok(Self {
            asked: Some(asked),
            read,
            thread: Some(thread),
        })
    }

    /// Asks for a page of a mesh.
    pub(crate) fn ask(&self, load: Load, mesh: &ClusterMesh) {
        if let Some(asked) = &self.asked {
            // The thread ends with this reader only.
            let _ = asked.send((load, mesh.clone()));
        }
    }

    /// What was read since the last call, without waiting; in the order in which it was asked for.
    pub(crate) fn poll(&self) -> impl Iterator<Item = Read> + '_ {
        self.read.try_iter()
    }

    /// The next page that is read; waits for it. `None` where nothing can come any more.
    pub(crate) fn wait(&self) -> Option<Read> {
        self.read.recv().ok()
    }
}

impl Drop for PageReader {
    fn drop(&mut self) {
        // Without a sender the thread ends; without a receiver it does so after the page it is at.
        self.asked = None;
        (_, self.read) = channel();
        if let Some(thread) = self.thread.take() {
            // It does not panic; if it did, this is not the place to.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clusters::{
        residency::{PageKey, Residency, Seen},
        test_mesh::{group_error, surface},
    };
    use storm_assets::clusters::{self, CutView};

    #[test]
    fn pages_come_in_the_order_in_which_they_were_asked_for() {
        let mesh = surface(120);
        let reader = PageReader::new().expect("a thread");
        let pages = mesh.info().pages;
        assert!(pages > 2);
        // One that is not there fails, and those behind it still come.
        for page in [0, pages, 2, 1] {
            let key = PageKey { mesh: 0, page };
            let ticket = u64::from(page);
            reader.ask(Load { key, ticket }, &mesh);
        }
        for (page, is_there) in [(0, true), (pages, false), (2, true), (1, true)] {
            let read = reader.wait().expect("more comes");
            assert_eq!(read.load.key.page, page);
            assert_eq!(read.page.is_ok(), is_there);
        }
        assert_eq!(reader.poll().count(), 0);
    }

    /// Frame after frame: what the view wants is read, until it draws what it would draw were everything there.
    #[test]
    fn a_view_settles_on_what_it_would_draw_were_everything_there() {
        let mesh = surface(320);
        let all: u64 = mesh.pages().iter().map(|p| u64::from(p.bytes)).sum();
        let whole: Vec<Page> = (0..mesh.info().pages)
            .map(|page| mesh.read_page(page).expect("a page"))
            .collect();
        let reader = PageReader::new().expect("a thread");
        let mut residency = Residency::new(all * 2 / 3, 4);
        assert_eq!(residency.add(3, &mesh), Ok(Vec::new()));
        let mut there: Vec<Option<Page>> = vec![None; whole.len()];
        let roots = mesh.info().root_pages as usize;
        for (there, root) in there.iter_mut().zip(&whole[..roots]) {
            *there = Some(root.clone());
        }
        for eye in [[0.0, 4.0, 0.0], [30.0, 2.0, 20.0], [-45.0, 1.0, -45.0]] {
            let view = CutView {
                eye,
                scale: 40.0,
                ..CutView::default()
            };
            let expected = clusters::cut(&mesh, &view, |p| whole.get(p as usize));
            let mut settled = false;
            for _ in 0..2000 {
                let seen: Vec<Seen> = mesh
                    .groups()
                    .iter()
                    .map(|group| Seen {
                        key: PageKey {
                            mesh: 3,
                            page: group.page,
                        },
                        error: group_error(&view, group),
                    })
                    .filter(|seen| seen.error > view.threshold)
                    .collect();
                let actions = residency.frame(&seen);
                for key in actions.evict {
                    assert!(there[key.page as usize].take().is_some());
                }
                for load in &actions.load {
                    reader.ask(*load, &mesh);
                }
                for _ in &actions.load {
                    let read = reader.wait().expect("it was asked for");
                    let key = residency.loaded(read.load.ticket).expect("in order");
                    there[key.page as usize] = read.page.ok();
                }
                let drawn = clusters::cut(&mesh, &view, |p| there[p as usize].as_ref());
                assert!(!drawn.is_empty(), "never a hole");
                let bytes: usize = there.iter().flatten().map(|p| p.words().len() * 4).sum();
                assert!(bytes as u64 <= all * 2 / 3);
                if drawn == expected && residency.counts().missing == 0 {
                    settled = true;
                    break;
                }
            }
            assert!(settled, "at {eye:?}: {:?} of {all}", residency.counts());
        }
    }
}
