"""Which pieces of two sides of a corpus stand for each other: an IBM model, links, a lexicon."""
