"""What specs know of the tasks that come with the package, one a module."""
