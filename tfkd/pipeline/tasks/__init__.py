"""The tasks: what differs by what a model is for, one a module."""
