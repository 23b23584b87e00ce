//! Choices, a sequence of which determines a case. Fewer and smaller choices make a simpler case.

/// The choices of a generator. After the last choice every further choice is the first, which is the
/// simplest.
#[derive(Debug)]
pub(super) struct Choices {
    made: Vec<u32>,
    next: usize,
    random: Option<fastrand::Rng>,
}

impl Choices {
    /// Random choices, which are recorded.
    pub(super) fn random(seed: u64) -> Self {
        Self { made: Vec::new(), next: 0, random: Some(fastrand::Rng::with_seed(seed)) }
    }

    /// Recorded choices.
    pub(super) const fn replay(made: Vec<u32>) -> Self {
        Self { made, next: 0, random: None }
    }

    pub(super) fn made(self) -> Vec<u32> {
        self.made
    }

    /// A number below `options`.
    pub(super) fn below(&mut self, options: usize) -> usize {
        if self.next == self.made.len() {
            match &mut self.random {
                Some(random) => self.made.push(random.u32(..)),
                None => return 0,
            }
        }
        let choice = self.made[self.next];
        self.next += 1;
        choice as usize % options
    }

    /// True once in `often` times; false is the simpler choice.
    pub(super) fn once_in(&mut self, often: usize) -> bool {
        self.below(often) == often - 1
    }

    pub(super) fn of<T: Copy>(&mut self, options: &[T]) -> T {
        options[self.below(options.len())]
    }
}

/// Simpler sequences, the simplest first.
pub(super) fn simpler(made: &[u32]) -> Vec<Vec<u32>> {
    let mut candidates = Vec::new();
    let mut chunk = made.len() / 2;
    while chunk > 0 {
        for start in (0..made.len()).step_by(chunk) {
            let mut shorter = made.to_vec();
            shorter.drain(start..(start + chunk).min(made.len()));
            candidates.push(shorter);
            let mut zeroed = made.to_vec();
            let end = (start + chunk).min(made.len());
            if zeroed[start..end].iter().any(|choice| *choice != 0) {
                zeroed[start..end].fill(0);
                candidates.push(zeroed);
            }
        }
        chunk /= 2;
    }
    candidates
}
