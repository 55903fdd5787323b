"""The Huffman tree of hierarchical softmax: frequent words have short ways (P2 Section 2.1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int8, Int32, Int64


@dataclass(frozen=True)
class Tree:
    """The way from the root to each word, the words' ways one after another.

    Attributes:
        start: where each word's way begins; one more at the end.
        nodes: the inner nodes on the ways; the root is the last one, V - 2.
        codes: the turns taken there, 0 or 1.
    """

    start: Int64[np.ndarray, " V1"]
    nodes: Int32[np.ndarray, " L"]
    codes: Int8[np.ndarray, " L"]

    def way(self, word: int) -> tuple[list[int], list[int]]:
        """The nodes and turns of one word."""
        part = slice(int(self.start[word]), int(self.start[word + 1]))
        return self.nodes[part].tolist(), self.codes[part].tolist()


# A tree of no use, where negative sampling needs none.
NO_TREE = Tree(np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int8))


def huffman(counts: Int64[np.ndarray, " V"]) -> Tree:
    """The tree of these counts, made as word2vec.c makes it: from two queues, the counts in falling order.

    Of a word and an inner node that are equally rare the node is taken first; the second of the two taken gets the
    turn 1.
    """
    size = len(counts)
    if size < 2:
        return Tree(np.zeros(size + 1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int8))
    count = [*counts.tolist(), *([1 << 62] * (size - 1))]
    parent, turn = [0] * (2 * size - 1), [0] * (2 * size - 1)
    rarest, node = size - 1, size
    for made in range(size - 1):
        together = 0
        for is_second in (0, 1):
            if rarest >= 0 and count[rarest] < count[node]:
                taken, rarest = rarest, rarest - 1
            else:
                taken, node = node, node + 1
            together += count[taken]
            parent[taken], turn[taken] = size + made, is_second
        count[size + made] = together  # not before: it is none of those that can be taken
    ways = [_way(word, parent, turn, size) for word in range(size)]
    start = np.zeros(size + 1, np.int64)
    np.cumsum([len(nodes) for nodes, _ in ways], out=start[1:])
    nodes = np.array([node for nodes, _ in ways for node in nodes], np.int32)
    return Tree(start, nodes, np.array([code for _, codes in ways for code in codes], np.int8))


def _way(word: int, parent: list[int], turn: list[int], size: int) -> tuple[list[int], list[int]]:
    nodes, codes, place, root = [], [], word, 2 * size - 2
    while place != root:
        codes.append(turn[place])
        place = parent[place]
        nodes.append(place - size)
    return nodes[::-1], codes[::-1]
