//! Bytes aligned to 64, so that columns inside can be read in place.
//!
//! Invariants:
//! 1. The first `len` bytes of `lines` are initialised, and `len` is at most `64 * lines.capacity()`.
//! 2. `lines.len()` is 0 always: its capacity is used as memory only.
#![expect(unsafe_code, reason = "bytes in memory of cache lines")]

use core::ptr;

#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line {
    _bytes: [u8; 64],
}

/// A world, or a change to one, as bytes: what [`World::snapshot`](crate::World::snapshot) and [`World::delta`](crate::World::delta) make.
///
/// The bytes are aligned to 64, so that Pod columns inside can be read in place ([`SnapshotView`](crate::SnapshotView)). They can be kept, sent, written to
/// a file and mapped into memory; numbers are little-endian.
pub struct Snapshot {
    lines: Vec<Line>,
    len: usize,
}

impl Default for Snapshot {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for Snapshot {
    fn clone(&self) -> Self {
        Self::from_bytes(self.as_bytes())
    }
}

impl core::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Snapshot")
            .field("bytes", &self.len)
            .finish()
    }
}

impl Snapshot {
    /// No bytes; for reuse with [`World::snapshot_into`](crate::World::snapshot_into).
    #[must_use]
    pub fn new() -> Self {
        Self {
            lines: Vec::new(),
            len: 0,
        }
    }

    /// A copy of bytes, aligned.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut copy = Self::new();
        copy.reserve(bytes.len());
        copy.push(bytes);
        copy
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        // SAFETY: the first `len` bytes are initialised (invariant 1).
        unsafe { core::slice::from_raw_parts(self.lines.as_ptr().cast::<u8>(), self.len) }
    }

    /// How many bytes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn clear(&mut self) {
        self.len = 0;
    }

    pub(crate) fn reserve(&mut self, additional: usize) {
        let needed = (self.len + additional).div_ceil(64);
        if needed > self.lines.capacity() {
            let mut larger: Vec<Line> = Vec::with_capacity(needed.max(self.lines.capacity() * 2));
            // SAFETY: `len` bytes fit in the old memory, so in the larger one, which is another.
            unsafe {
                ptr::copy_nonoverlapping(
                    self.lines.as_ptr().cast::<u8>(),
                    larger.as_mut_ptr().cast::<u8>(),
                    self.len,
                )
            };
            self.lines = larger;
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        let end = self.lines.as_mut_ptr().cast::<u8>().wrapping_add(self.len);
        // SAFETY: there is room for the bytes, which lie outside of this memory.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), end, bytes.len()) };
        self.len += bytes.len();
    }

    /// Appends zeros until the length is a multiple of `to`, at most 64.
    pub(crate) fn align(&mut self, to: usize) {
        let missing = self.len.next_multiple_of(to) - self.len;
        self.push(&[0; 64][..missing]);
    }
}
