//! Message buffers in three sizes, owned by the endpoint and shared by its connections. Freed buffers are used again;
//! in steady state nothing is allocated. A [`Buffer`] is freed by hand, exactly once: it is neither `Clone` nor `Copy`.

/// Bytes of a fragment: with its header it fits the smallest datagram that every path carries.
pub(crate) const FRAGMENT: usize = 1120;
const SIZES: [usize; 3] = [64, 256, FRAGMENT];

/// A buffer of the pool and how much of it is used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Buffer {
    class: u8,
    len: u16,
    index: u32,
}

impl Buffer {
    /// No bytes; belongs to no pool.
    pub(crate) const EMPTY: Self = Self {
        class: u8::MAX,
        len: 0,
        index: 0,
    };

    pub(crate) fn len(&self) -> usize {
        usize::from(self.len)
    }
}

#[derive(Debug, Default)]
struct Class {
    bytes: Vec<u8>,
    free: Vec<u32>,
}

#[derive(Debug, Default)]
pub(crate) struct Pool {
    classes: [Class; 3],
}

impl Pool {
    /// A buffer with a copy of `bytes`, at most [`FRAGMENT`] of them.
    pub(crate) fn store(&mut self, bytes: &[u8]) -> Buffer {
        debug_assert!(bytes.len() <= FRAGMENT);
        if bytes.is_empty() {
            return Buffer::EMPTY;
        }
        let class = SIZES
            .iter()
            .position(|&size| bytes.len() <= size)
            .unwrap_or(SIZES.len() - 1);
        let size = SIZES[class];
        let store = &mut self.classes[class];
        let index = store.free.pop().unwrap_or_else(|| {
            let index = store.bytes.len() / size;
            store.bytes.resize(store.bytes.len() + size, 0);
            // Room for every buffer's return: freeing never allocates.
            store.free.reserve(index + 1);
            index as u32
        });
        let at = index as usize * size;
        let len = bytes.len().min(size);
        store.bytes[at..at + len].copy_from_slice(&bytes[..len]);
        Buffer {
            class: class as u8,
            len: len as u16,
            index,
        }
    }

    pub(crate) fn bytes(&self, buffer: &Buffer) -> &[u8] {
        let Some(class) = self.classes.get(usize::from(buffer.class)) else {
            return &[];
        };
        let at = buffer.index as usize * SIZES[usize::from(buffer.class)];
        &class.bytes[at..at + buffer.len()]
    }

    /// Splits a buffer: it keeps the first `at` bytes, the rest are in the new one.
    pub(crate) fn split(&mut self, buffer: &mut Buffer, at: usize) -> Buffer {
        let mut rest = [0; FRAGMENT];
        let tail = &self.bytes(buffer)[at..];
        let len = tail.len();
        rest[..len].copy_from_slice(tail);
        buffer.len = at as u16;
        self.store(&rest[..len])
    }

    pub(crate) fn free(&mut self, buffer: Buffer) {
        if let Some(class) = self.classes.get_mut(usize::from(buffer.class)) {
            debug_assert!(!class.free.contains(&buffer.index) || class.free.len() > 64);
            class.free.push(buffer.index);
        }
    }

    /// Bytes of memory held, used or not.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.classes
            .iter()
            .map(|class| class.bytes.capacity() + class.free.capacity() * 4)
            .sum()
    }

    /// Buffers that are in use.
    #[cfg(any(test, feature = "sim"))]
    pub(crate) fn in_use(&self) -> usize {
        self.classes
            .iter()
            .zip(SIZES)
            .map(|(class, size)| class.bytes.len() / size - class.free.len())
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_of_every_size_hold_what_was_stored_and_come_back() {
        let mut pool = Pool::default();
        let lengths = [0, 1, 63, 64, 65, 256, 257, 1119, 1120];
        for _ in 0..3 {
            let buffers: Vec<_> = lengths
                .iter()
                .map(|&len| pool.store(&vec![len as u8; len]))
                .collect();
            for (buffer, &len) in buffers.iter().zip(&lengths) {
                assert_eq!(pool.bytes(buffer), vec![len as u8; len]);
            }
            assert_eq!(pool.in_use(), 8);
            buffers.into_iter().for_each(|buffer| pool.free(buffer));
            assert_eq!(pool.in_use(), 0);
        }
        assert_eq!(
            pool.classes.each_ref().map(|class| class.bytes.len()),
            [192, 512, 3360]
        );
    }

    #[test]
    fn a_split_keeps_all_bytes() {
        let bytes: Vec<u8> = (0..1000u32).map(|n| n as u8).collect();
        for at in [1, 500, 999] {
            let mut pool = Pool::default();
            let mut head = pool.store(&bytes);
            let tail = pool.split(&mut head, at);
            assert_eq!([pool.bytes(&head), pool.bytes(&tail)].concat(), bytes);
        }
    }
}
