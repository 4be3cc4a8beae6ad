//! A trie of characters in one hash table.

use super::Pieces;

/// A node: its slot in the table.
pub type Node = u32;

/// What the table has before any piece is in it: the empty prefix.
pub const ROOT: Node = 0;

/// An id that no piece has.
const NONE: u32 = u32::MAX;

/// What stands where a character could: in the root, which nothing leads to, and in slots that are free.
const NO_CHARACTER: u32 = u32::MAX;

/// One edge and the node that it leads to. The node's number is the slot's, so that there is nothing else to look up.
#[derive(Clone, Copy)]
struct Slot {
    parent: Node,
    character: u32,
    piece: u32,
}

const FREE: Slot = Slot { parent: NONE, character: NO_CHARACTER, piece: NONE };

/// Prefixes of pieces, each found from the one that is a character shorter.
///
/// An open table with linear probing, 12 bytes a slot. The quarter or more of the slots that stays free ends every search.
pub struct Trie {
    slots: Vec<Slot>,
    nodes: usize,
}

impl Trie {
    /// A trie of these pieces with their ids, of less than 2^32 prefixes. A piece that comes twice has its last id, as in `tokenizers`.
    pub fn new(pieces: &Pieces) -> Self {
        // XLM-R's pieces have two prefixes each. Nodes know each other by their slots, so that a larger table is begun anew.
        let mut slots = 3 * pieces.len() + 4;
        loop {
            match Self::with_slots(slots, pieces) {
                Some(trie) => return trie,
                None => slots *= 2,
            }
        }
    }

    /// The same in a table of so many slots, or nothing where they do not suffice.
    fn with_slots(slots: usize, pieces: &Pieces) -> Option<Self> {
        let mut trie = Self { slots: vec![FREE; slots], nodes: 1 };
        trie.slots[ROOT as usize].parent = ROOT;
        for (id, piece) in pieces.iter() {
            let mut node = ROOT;
            for character in piece.chars() {
                node = trie.child_or_new(node, character)?;
            }
            trie.slots[node as usize].piece = id;
        }
        Some(trie)
    }

    /// The prefix of `node` and one character more.
    pub fn child(&self, node: Node, character: char) -> Option<Node> {
        self.probe(node, character).ok()
    }

    /// The id of the piece that this prefix is, where it is one.
    pub fn piece(&self, node: Node) -> Option<u32> {
        Some(self.slots[node as usize].piece).filter(|&piece| piece != NONE)
    }

    /// The id of a piece.
    pub fn find(&self, piece: &str) -> Option<u32> {
        piece.chars().try_fold(ROOT, |node, character| self.child(node, character)).and_then(|node| self.piece(node))
    }

    fn child_or_new(&mut self, parent: Node, character: char) -> Option<Node> {
        match self.probe(parent, character) {
            Ok(node) => Some(node),
            Err(_) if 4 * self.nodes > 3 * self.slots.len() => None,
            Err(free) => {
                self.slots[free as usize] = Slot { parent, character: character.into(), piece: NONE };
                self.nodes += 1;
                Some(free)
            }
        }
    }

    /// The node that `character` leads to from `parent`, or the slot where it would be.
    fn probe(&self, parent: Node, character: char) -> Result<Node, Node> {
        let character = u32::from(character);
        // Fibonacci hashing (Knuth, The Art of Computer Programming 3, section 6.4); the upper half, scaled to the table.
        let key = u64::from(parent) << 32 | u64::from(character);
        let hash = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let mut index = ((hash * self.slots.len() as u64) >> 32) as usize;
        loop {
            let slot = self.slots[index];
            if slot.parent == parent && slot.character == character {
                return Ok(index as Node);
            }
            if slot.parent == NONE {
                return Err(index as Node);
            }
            index = if index + 1 == self.slots.len() { 0 } else { index + 1 };
        }
    }
}
