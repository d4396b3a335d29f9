"""Distils pre-trained language models into models that generate or classify text."""

__version__ = "0.1.0"
