"""Experiments: plan arms x seeds, reuse finished runs, run what is missing, judge, report."""
