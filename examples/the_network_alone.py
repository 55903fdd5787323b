"""The paper's network as a plain module: its parameters, and what each layer makes of a picture."""

from __future__ import annotations

import torch

from epochal.engine.probe import activations
from epochal.landmarks.alexnet.model import AlexNet


def main() -> dict[str, tuple[int, ...]]:
    """Print and return the shape of every convolution's output."""
    network = AlexNet()
    print(f"{sum(p.numel() for p in network.parameters()):,} parameters")
    seen = activations(network, torch.randn(1, 3, 227, 227), [f"conv{n}" for n in range(1, 6)])
    shapes = {name: tuple(output.shape[1:]) for name, output in seen.items()}
    for name, shape in shapes.items():
        print(name, shape)
    return shapes


if __name__ == "__main__":
    main()
