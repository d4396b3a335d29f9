"""Text that the package makes itself, by small probabilistic grammars."""
