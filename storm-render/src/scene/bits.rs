//! One bit a slot.

/// Bits by index; those beyond the end are clear.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bits {
    words: Vec<u64>,
}

impl Bits {
    pub(crate) fn get(&self, index: u32) -> bool {
        self.words
            .get(index as usize / 64)
            .is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    /// Sets a bit, and gives whether it was another.
    pub(crate) fn set(&mut self, index: u32, value: bool) -> bool {
        let (place, bit) = (index as usize / 64, 1 << (index % 64));
        if self.words.len() <= place {
            if !value {
                return false;
            }
            self.words.resize(place + 1, 0);
        }
        let word = &mut self.words[place];
        let before = *word;
        *word = if value { before | bit } else { before & !bit };
        *word != before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_keep_what_they_were_set_to() {
        let mut bits = Bits::default();
        assert!(!bits.set(70, false), "it was clear, as all are");
        assert!(bits.set(70, true));
        assert!(!bits.set(70, true), "it was set");
        let set: Vec<u32> = (0..200).filter(|&index| bits.get(index)).collect();
        assert_eq!(set, [70]);
        assert!(bits.set(70, false));
        assert!(!bits.get(70));
    }
}
