use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};

/// A little longer than anything that keyward reads.
const LONGEST: usize = 2_048;

pub(crate) struct Mutator {
    seeds: Vec<Vec<u8>>,
    random: StdRng,
}

impl Mutator {
    /// The same number gives the same inputs.
    pub(crate) fn new(seeds: Vec<Vec<u8>>, number: u64) -> Self {
        Self { seeds, random: StdRng::seed_from_u64(number) }
    }

    pub(crate) fn input(&mut self) -> Vec<u8> {
        let mut input = self.seed();
        for _ in 0..self.random.random_range(1..=8) {
            self.change(&mut input);
        }
        input.truncate(LONGEST);
        input
    }

    fn seed(&mut self) -> Vec<u8> {
        match self.seeds.len() {
            0 => Vec::new(),
            seeds => self.seeds[self.random.random_range(0..seeds)].clone(),
        }
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.random.random_range(0..=input.len());
        match self.random.random_range(0..6) {
            0 => input.insert(at, self.random.next_u32() as u8),
            // Bytes from the same input are more likely to have a meaning.
            1 if at < input.len() => input.insert(at, input[self.random.random_range(0..input.len())]),
            2 if at < input.len() => input[at] ^= 1 << self.random.random_range(0..8),
            3 if at < input.len() => {
                let end = self.random.random_range(at..=input.len().min(at + 16));
                input.drain(at..end);
            }
            4 if at < input.len() => {
                let end = self.random.random_range(at..=input.len().min(at + 64));
                let piece = input[at..end].to_vec();
                let to = self.random.random_range(0..=input.len());
                input.splice(to..to, piece);
            }
            _ => {
                let other = self.seed();
                let from = self.random.random_range(0..=other.len());
                let end = self.random.random_range(from..=other.len());
                input.splice(at..at, other[from..end].iter().copied());
            }
        }
    }
}
