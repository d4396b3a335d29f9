"""Batches: which rows are read together, in which order, laid out ahead of their step."""
