"""Specs told to people and editors: keys, units, JSON schema, lists, a starter."""
