"""Which depths a residual network can have. No torch is imported here: recipes ask too."""

from __future__ import annotations

from epochal.core.fault import InputFault

# The deepest network that the paper trains has 1202 layers; beyond this a number is a slip of the finger.
DEEPEST = 6 * 1000 + 2

# Table 1: the blocks of each stage, of two 3 x 3 layers up to 34, bottlenecks of three layers beyond.
IMAGENET: dict[int, tuple[int, int, int, int]] = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
FIRST_BOTTLENECK = 50


def cifar_blocks(depth: int) -> int:
    """The n of a network for small pictures: blocks in each of its three stages, as depth = 6n + 2 (Section 4.2).

    Raises:
        InputFault: no n gives this depth; the nearest depths that one does are named.
    """
    n, rest = divmod(depth - 2, 6)
    if n >= 1 and rest == 0 and depth <= DEEPEST:
        return n
    low = min(max(8, 6 * n + 2), DEEPEST)
    near = [str(low)] if depth <= low or low == DEEPEST else [str(low), str(low + 6)]
    raise InputFault(
        f"a network for small pictures cannot have depth={depth}",
        expected=f"6n + 2 layers; the nearest: {' or '.join(near)}",
        remedy="for example depth=20, 32, 44, 56, 110 as in the paper, or any other 6n + 2",
    )


def imagenet_blocks(depth: int) -> tuple[int, int, int, int]:
    """The blocks in each of the four stages of a network for ImageNet (Table 1).

    Raises:
        InputFault: the paper has no such network; the nearest are named.
    """
    if depth in IMAGENET:
        return IMAGENET[depth]
    near = sorted(sorted(IMAGENET, key=lambda known: abs(known - depth))[:2])
    raise InputFault(
        f"the paper has no network for ImageNet with depth={depth}",
        expected=f"{', '.join(map(str, IMAGENET))}; the nearest: {' or '.join(map(str, near))}",
        remedy="network=cifar takes any depth of the form 6n + 2",
    )
