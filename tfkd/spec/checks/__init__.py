"""Checks of specs: what no single key can see, gathered as faults with their lines."""
