//! Which variants of a GPU's kernels were found to be the fastest, in words that can be kept.

use serde::{Deserialize, Serialize};
use wembed_kernels::gpu::{Plan, Shape};

/// The variants for weights of one shape: each up to so many rows, the last for any number.
///
/// ```
/// use wembed_kernels::gpu::Plan;
/// use wembed_model::KernelPlan;
///
/// let kept = KernelPlan::of(&((768, 3072), Plan::only("wide").with(16, "small")));
/// assert_eq!(serde_json::to_string(&kept).unwrap(), r#"{"depth":768,"columns":3072,"variants":[[16,"small"],[null,"wide"]]}"#);
/// assert_eq!(kept.plan(), Some(((768, 3072), Plan::only("wide").with(16, "small"))));
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KernelPlan {
    depth: usize,
    columns: usize,
    variants: Vec<(Option<usize>, String)>,
}

impl KernelPlan {
    /// A shape's plan in words.
    pub fn of(((depth, columns), plan): &(Shape, Plan)) -> Self {
        let variants = plan.names().into_iter().map(|(rows, name)| (rows, name.to_owned())).collect();
        Self { depth: *depth, columns: *columns, variants }
    }

    /// The plan, where this version has all of its variants.
    pub fn plan(&self) -> Option<(Shape, Plan)> {
        let names: Vec<_> = self.variants.iter().map(|(rows, name)| (*rows, name.as_str())).collect();
        Some(((self.depth, self.columns), Plan::from_names(&names)?))
    }

    /// Whether it is for weights of this shape.
    pub fn is_for(&self, shape: Shape) -> bool {
        shape == (self.depth, self.columns)
    }
}
