"""Training without a paper in it: the loop, its guarantees, devices and checkpoints."""
