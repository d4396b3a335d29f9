"""Noise on texts, by which models learn to bear what people and web pages write."""
