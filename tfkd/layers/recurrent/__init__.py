"""LSTMs, their attention, and steps over time."""
