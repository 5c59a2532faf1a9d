//! Samples of one figure: their median, and how far they lie apart.

/// The samples' order says all that is told of them.
pub struct Spread {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

impl Spread {
    pub fn of(samples: impl Iterator<Item = f64>) -> Self {
        let mut samples: Vec<f64> = samples.collect();
        samples.sort_by(f64::total_cmp);
        let at = |index: usize| samples.get(index).copied().unwrap_or(f64::NAN);
        Self { low: at(0), median: at(samples.len() / 2), high: at(samples.len().saturating_sub(1)) }
    }

    /// The distance of the farthest samples, in percent of the median.
    pub fn percent(&self) -> f64 {
        (self.high - self.low) / self.median * 100.0
    }
}
