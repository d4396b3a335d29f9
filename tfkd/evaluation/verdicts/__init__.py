"""What scores say: of two systems, of a teacher, of outputs, in words."""
