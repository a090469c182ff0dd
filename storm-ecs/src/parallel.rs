//! Loops over a query's rows on the rayon pool.
//!
//! Invariant: tasks of one loop share a query's access, and no two of them share a row.
#![expect(unsafe_code, reason = "splits a query's rows between threads")]

use core::ops::Range;

use crate::query::QueryIter;
use crate::query::data::QueryData;
use crate::query::filter::QueryFilter;
use crate::table::BLOCK_ROWS;

/// Rows below which a loop stays on its thread.
const SERIAL_ROWS: usize = 8192;

/// Some rows of a table.
struct Task<'w, Q: QueryData> {
    fetch: Q::Fetch<'w>,
    rows: Range<usize>,
}

// SAFETY: a fetch gives access to components, which are Send and Sync, and to nothing else: queries that mark rows one by one are refused
// (`Q::PARALLEL`).
unsafe impl<Q: QueryData> Send for Task<'_, Q> {}

impl<'w, Q: QueryData> Task<'w, Q> {
    fn run(self, f: &(impl Fn(Q::Item<'w>) + Sync)) {
        for row in self.rows {
            // SAFETY: the row is in use, in this task alone, and the query has the access.
            f(unsafe { Q::item(self.fetch, row) });
        }
    }
}

/// Calls `f` with each item of the query.
pub(crate) fn for_each<'w, Q: QueryData, F: QueryFilter>(
    query: QueryIter<'w, Q, F>,
    f: &(impl Fn(Q::Item<'w>) + Sync),
) {
    const { assert!(Q::PARALLEL, "rows cannot be marked from several threads") };
    let tables: Vec<(Q::Fetch<'w>, usize)> = query.into_fetches().collect();
    let rows: usize = tables.iter().map(|&(_, len)| len).sum();
    let threads = rayon::current_num_threads();
    // A few tasks a thread, so that an uneven load evens out.
    let share = match threads {
        1 => usize::MAX,
        _ if rows < SERIAL_ROWS => usize::MAX,
        _ => rows.div_ceil(threads * 4).next_multiple_of(BLOCK_ROWS),
    };
    if share == usize::MAX {
        tables.into_iter().for_each(|(fetch, len)| {
            Task::<Q> {
                fetch,
                rows: 0..len,
            }
            .run(f)
        });
        return;
    }
    let cut = |(fetch, len): (Q::Fetch<'w>, usize)| {
        (0..len).step_by(share).map(move |start| Task::<Q> {
            fetch,
            rows: start..len.min(start + share),
        })
    };
    let tasks: Vec<Task<'w, Q>> = tables.into_iter().flat_map(cut).collect();
    rayon::scope(|scope| {
        for task in tasks {
            scope.spawn(move |_| task.run(f));
        }
    });
}
