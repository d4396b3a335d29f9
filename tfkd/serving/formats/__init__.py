"""Formats that models are exported in, each with the engine that runs it."""
