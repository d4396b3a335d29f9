"""Layers beside or within the blocks of a model that is there already; see `tfkd.layers.hooks`."""
