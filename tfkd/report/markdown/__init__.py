"""Kept results as Markdown, for README and docs."""
