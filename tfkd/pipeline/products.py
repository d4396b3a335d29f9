"""What evaluation stages make, and which of it a metric is computed from."""

# What is measured of a teacher that students ask in their steps, beside itself without context; a
# product of evaluations, no metric.
MASKED = "masked"
# What a language model writes after first halves of lines: another one.
CONTINUED = "continuations"
# A classifier's predictions: what all its metrics are computed from.
CLASSES = "classes"
PRODUCT = {
    "bleu": "outputs",
    "chrf": "outputs",
    "tokenized_bleu": "outputs",
    "rouge_1": "outputs",
    "rouge_2": "outputs",
    "rouge_l": "outputs",
    "loss": "figures",
    "perplexity": "figures",
    "accuracy": "figures",
    "f1": CLASSES,
    "matthews": CLASSES,
    "word_perplexity": "words",
    "teacher_gate": "figures",
    MASKED: "masked",
    CONTINUED: CONTINUED,
}
