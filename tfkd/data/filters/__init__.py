"""Rules that rows of a corpus must meet: each a class with `drops(row)`, made of its options.

A row is its fields by name, texts as they stand. The options' `reads` tells what needs more than a
row: `Duplicates` has `keys`, which `tfkd.data.filters.repeated` finds again in the whole corpus;
likelihoods are a model's, and `tfkd.data.filters.best_share` tells where to cut.
"""
