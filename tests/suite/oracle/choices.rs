//! A case is a sequence of choices: random ones make a random case, fewer and smaller ones a simpler case.

/// Where a generator takes its choices from. When they run out every choice is the first, the simplest.
#[derive(Debug)]
pub(super) struct Choices {
    made: Vec<u32>,
    next: usize,
    random: Option<fastrand::Rng>,
}

impl Choices {
    /// New choices at random, remembered as they are made.
    pub(super) fn random(seed: u64) -> Self {
        Self { made: Vec::new(), next: 0, random: Some(fastrand::Rng::with_seed(seed)) }
    }

    /// The same choices again.
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

/// Simpler sequences than this one, the most daring first.
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
