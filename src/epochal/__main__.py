"""`python -m epochal`, which is what torchrun starts: `torchrun --nproc_per_node 2 -m epochal train alexnet`."""

from epochal.cli import main

if __name__ == "__main__":
    main()
