"""Specs as they are written: YAML with line numbers, `extends:`, variants, `--set`."""
