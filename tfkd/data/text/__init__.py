"""Corpora: files, tables and data sets read row by row, bad rows counted."""
