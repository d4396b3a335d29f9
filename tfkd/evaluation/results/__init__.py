"""The form of results.json, and what each part of it has."""
