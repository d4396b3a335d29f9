"""The sections of a spec."""

TOP = {
    "tfkd": "the version of the spec's form, 1",
    "name": "the run's name",
    "description": "a sentence on what it is",
    "paper": "the paper it follows",
    "card": "what model cards say beside what a run knows",
    "extends": "other specs that it adds to",
    "pages": "where data can be had: what the data folder needs, and the page to get it from",
    "data": "corpora by name",
    "tokenizers": "tokenizers by name",
    "teacher": "a model, or models by name",
    "student": "a model, or models by name",
    "adapters": "adapters of the student, by side: encoder, decoder",
    "views": "views by name",
    "stages": "stages by name",
    "variants": "named changes",
    "evaluate": "a list of evaluations",
    "export": "stages to export, each in a format",
    "seeds": "what trains is trained once with each of them, like [1, 2, 3]",
    "runtime": "where it runs",
}
# Sections whose keys are names that the spec's author chooses.
NAMED = ("data", "tokenizers", "views", "stages")
