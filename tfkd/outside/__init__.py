"""What comes from outside and goes there: files that are read, text that people are shown."""
