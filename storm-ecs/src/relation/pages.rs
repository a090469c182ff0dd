//! Values by entity index, in pages that are allocated when first written: one entry far out costs one page.

const PAGE: usize = 1024;

/// An array without end, filled with `empty` where nothing was written.
#[derive(Debug)]
pub(super) struct Pages<T> {
    pages: Vec<Option<Box<[T]>>>,
    empty: T,
}

impl<T: Copy> Pages<T> {
    pub(super) fn new(empty: T) -> Self {
        Self {
            pages: Vec::new(),
            empty,
        }
    }

    /// The entry at `index`.
    #[inline]
    pub(super) fn at(&self, index: u32) -> T {
        let index = index as usize;
        match self.pages.get(index / PAGE) {
            Some(Some(page)) => page[index % PAGE],
            _ => self.empty,
        }
    }

    /// The same, for writing.
    #[inline]
    pub(super) fn at_mut(&mut self, index: u32) -> &mut T {
        let index = index as usize;
        if !matches!(self.pages.get(index / PAGE), Some(Some(_))) {
            self.allocate(index / PAGE);
        }
        match &mut self.pages[index / PAGE] {
            Some(page) => &mut page[index % PAGE],
            None => unreachable!("the page was allocated just now"),
        }
    }

    #[cold]
    fn allocate(&mut self, page: usize) {
        if page >= self.pages.len() {
            self.pages.resize_with(page + 1, || None);
        }
        self.pages[page] = Some(vec![self.empty; PAGE].into());
    }

    /// All entries of pages that exist, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.pages.iter().flatten().flat_map(|page| page.iter())
    }

    pub(super) fn clear(&mut self) {
        self.pages.clear();
    }

    /// Bytes on the heap.
    pub(super) fn bytes(&self) -> usize {
        self.pages.iter().flatten().count() * PAGE * size_of::<T>()
            + self.pages.capacity() * size_of::<Option<Box<[T]>>>()
    }
}
