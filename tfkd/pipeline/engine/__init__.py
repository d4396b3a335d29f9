"""The engine: the graph of stages, their folders, and the run that makes each once."""
