"""What specs know of the kinds of stages that come with the package, one a module."""
