//! Compile-time knowledge of what a query touches, so that aliasing queries do not compile.

/// What a query touches: a constant tree.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub enum Access {
    /// Nothing that can conflict.
    Nothing,
    /// A component, by name; mutably or not.
    Component(&'static str, bool),
    /// Parts.
    All(&'static [Access]),
}

impl Access {
    /// Whether some component is touched twice, at least once mutably.
    #[must_use]
    pub const fn conflicts(&self) -> bool {
        let Self::All(parts) = self else { return false };
        let mut first = 0;
        while first < parts.len() {
            if parts[first].conflicts() {
                return true;
            }
            let mut second = first + 1;
            while second < parts.len() {
                if parts[first].meets(&parts[second]) {
                    return true;
                }
                second += 1;
            }
            first += 1;
        }
        false
    }

    /// Whether a component is touched by both, at least once mutably.
    const fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Nothing, _) | (_, Self::Nothing) => false,
            (Self::Component(a, a_mutable), Self::Component(b, b_mutable)) => {
                (*a_mutable || *b_mutable) && same(a.as_bytes(), b.as_bytes())
            }
            (Self::All(parts), other) | (other, Self::All(parts)) => {
                let mut part = 0;
                while part < parts.len() {
                    if parts[part].meets(other) {
                        return true;
                    }
                    part += 1;
                }
                false
            }
        }
    }
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut index = 0;
    while index < a.len() {
        if a[index] != b[index] {
            return false;
        }
        index += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::Access::{self, All, Component, Nothing};

    #[test]
    fn two_accesses_conflict_if_they_share_a_component_and_one_writes() {
        const READ_A: Access = Component("a", false);
        const WRITE_A: Access = Component("a", true);
        const WRITE_B: Access = Component("b", true);
        let cases: &[(Access, bool)] = &[
            (Nothing, false),
            (WRITE_A, false),
            (All(&[READ_A, READ_A]), false),
            (All(&[READ_A, WRITE_A]), true),
            (All(&[WRITE_A, WRITE_A]), true),
            (All(&[WRITE_A, WRITE_B]), false),
            (All(&[WRITE_A, All(&[WRITE_B, Nothing])]), false),
            (All(&[WRITE_A, All(&[WRITE_B, READ_A])]), true),
            (All(&[All(&[WRITE_B, READ_A]), WRITE_A]), true),
            (All(&[All(&[READ_A, WRITE_A]), Nothing]), true),
        ];
        for (access, conflict) in cases {
            assert_eq!(access.conflicts(), *conflict, "{access:?}");
        }
    }
}
