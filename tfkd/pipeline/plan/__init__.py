"""What is known before a run: its plan, sizes and memory, and all that is wrong with it."""
