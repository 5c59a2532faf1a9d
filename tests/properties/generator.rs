//! Inputs from seeds: cut, doubled, spliced, with bytes changed and with words put in that parsers stumble over.

/// What breaks parsers of numbers, lines, markup and escapes.
const WORDS: [&str; 40] = [
    "\0",
    "\r",
    "\n",
    "\r\n",
    "\t",
    " ",
    "\u{b}",
    "\u{7f}",
    "\u{85}",
    "\u{feff}",
    "\u{202e}",
    "é",
    "😀",
    "\"",
    "'",
    "\\",
    "/",
    "//",
    "..",
    "%",
    "%2F",
    "%00",
    "+",
    "-1",
    "0",
    "18446744073709551615",
    "18446744073709551616",
    "9223372036854775807",
    "=",
    "&",
    "&#0;",
    "&#x10ffff;",
    "<",
    ">",
    "<![CDATA[",
    "<!--",
    "]]>",
    "[",
    "@",
    ":",
];

/// Makes inputs without end.
pub struct Generator {
    state: u64,
    seeds: Vec<Vec<u8>>,
}

impl Generator {
    /// Takes the seeds, of which there must be one at least.
    pub fn new(state: u64, seeds: Vec<Vec<u8>>) -> Self {
        assert!(!seeds.is_empty(), "a check without seeds");
        Self { state, seeds }
    }

    /// The next input: one in sixteen is bytes by chance, all others come from a seed.
    pub fn next_input(&mut self) -> Vec<u8> {
        if self.below(16) == 0 {
            let length = self.below(200);
            return (0..length).map(|_| self.byte()).collect();
        }
        let mut input = self.seed();
        for _ in 0..=self.below(4) {
            self.mutate(&mut input);
        }
        input
    }

    fn mutate(&mut self, input: &mut Vec<u8>) {
        let (start, end) = self.span(input.len());
        match self.below(8) {
            0 => drop(input.drain(start..end)),
            1 => input.truncate(start),
            2 => {
                let piece = input[start..end].to_vec();
                self.insert(input, &piece);
            }
            3 => {
                let other = self.seed();
                let (from, to) = self.span(other.len());
                self.insert(input, &other[from..to]);
            }
            4 if start < input.len() => input[start] = self.byte(),
            5 if start < input.len() => input[start] ^= 1 << self.below(8),
            _ => {
                let word = WORDS[self.below(WORDS.len())];
                input.splice(start..end.min(start + self.below(3)), word.bytes());
            }
        }
    }

    fn insert(&mut self, input: &mut Vec<u8>, piece: &[u8]) {
        let at = self.below(input.len() + 1);
        input.splice(at..at, piece.iter().copied());
    }

    fn seed(&mut self) -> Vec<u8> {
        let index = self.below(self.seeds.len());
        self.seeds[index].clone()
    }

    /// A part of so many bytes, most often a short one.
    fn span(&mut self, length: usize) -> (usize, usize) {
        let start = self.below(length + 1);
        let longest = if self.below(4) == 0 { length } else { 12 };
        (start, length.min(start + self.below(longest + 1)))
    }

    fn byte(&mut self) -> u8 {
        self.below(256) as u8
    }

    /// A number below another, by splitmix64.
    fn below(&mut self, limit: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) % limit as u64) as usize
    }
}
