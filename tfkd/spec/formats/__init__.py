"""Formats that models are exported in: what a spec knows of each."""
