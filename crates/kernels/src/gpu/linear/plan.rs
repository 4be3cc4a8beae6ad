//! Which variant a linear layer takes.

use std::fmt;

use super::variant::{PORTABLE, VARIANTS, Variant};

/// The most rows for which the small variant is taken where nothing was measured: it reads the weights once for every four rows. On lavapipe it
/// is six times as fast as the tiled one at one row, 1.5 times at 16, and slower from about 24 on.
pub(crate) const SMALL_ROWS: usize = 16;

/// Variants, each for so many rows at most; the last for any number. It is the one that the others are held against.
#[derive(Clone, PartialEq)]
pub struct Plan {
    pub(crate) few: Vec<(usize, &'static Variant)>,
    pub(crate) many: &'static Variant,
}

impl fmt::Debug for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (rows, variant) in &self.few {
            write!(formatter, "{} to {rows}, ", variant.name)?;
        }
        formatter.write_str(self.many.name)
    }
}

impl Default for Plan {
    fn default() -> Self {
        Self::only(PORTABLE.name).with(SMALL_ROWS, "small")
    }
}

impl Plan {
    /// One variant for any number of rows.
    ///
    /// # Panics
    /// Where there is none of this name.
    pub fn only(name: &str) -> Self {
        Self { few: Vec::new(), many: named(name) }
    }

    /// This one, but for the default the one of variants that multiply integers.
    #[must_use]
    pub(crate) fn of_dots(self) -> Self {
        if self == Self::default() { Self::only("dots").with(SMALL_ROWS, "dots_few") } else { self }
    }

    /// The same, and another variant for so many rows at most; fewer than those of the variants that it already has.
    ///
    /// # Panics
    /// Where there is none of this name, one for fewer rows, or one that adds in another order than the last.
    #[must_use]
    pub fn with(mut self, rows: usize, name: &str) -> Self {
        assert!(self.few.first().is_none_or(|&(more, _)| rows < more), "variants are named from many rows to few");
        assert!(named(name).adds_as(self.many), "a plan's variants add in one order");
        self.few.insert(0, (rows, named(name)));
        self
    }

    /// What [`Plan::names`] gave, where there still are all of these variants.
    pub fn from_names(names: &[(Option<usize>, &str)]) -> Option<Self> {
        let found = |name: &str| VARIANTS.iter().copied().find(|variant| variant.name == name);
        let (&(None, last), before) = names.split_last()? else { return None };
        let few = before.iter().map(|&(rows, name)| Some((rows?, found(name)?)));
        let few: Vec<_> = few.collect::<Option<_>>()?;
        let many = found(last)?;
        let is_sound = few.is_sorted_by(|left, right| left.0 < right.0) && few.iter().all(|(_, it)| it.adds_as(many));
        is_sound.then_some(Self { few, many })
    }

    /// All of its variants.
    pub(crate) fn variants(&self) -> impl Iterator<Item = &'static Variant> {
        self.few.iter().map(|&(_, variant)| variant).chain([self.many])
    }

    /// The variant for so many rows.
    pub(crate) fn variant(&self, rows: usize) -> &'static Variant {
        self.few.iter().find(|&&(most, _)| rows <= most).map_or(self.many, |&(_, variant)| variant)
    }

    /// Names of all of its variants, for few rows first, and the most rows of each but the last.
    pub fn names(&self) -> Vec<(Option<usize>, &'static str)> {
        let few = self.few.iter().map(|&(rows, variant)| (Some(rows), variant.name));
        few.chain([(None, self.many.name)]).collect()
    }
}

fn named(name: &str) -> &'static Variant {
    VARIANTS.iter().find(|variant| variant.name == name).unwrap_or_else(|| panic!("there is no variant `{name}`"))
}
