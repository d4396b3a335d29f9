"""From what evaluations left to scores, comparisons, teacher checks and warnings."""
