"""What evaluation stages make, and which of it a metric is computed from."""

# What is measured of a teacher that fills in masked words; a product of evaluations, no metric.
MASKED = "masked"
PRODUCT = {
    "bleu": "outputs",
    "chrf": "outputs",
    "tokenized_bleu": "outputs",
    "loss": "figures",
    "perplexity": "figures",
    "accuracy": "figures",
    "word_perplexity": "words",
    "teacher_gate": "figures",
    MASKED: "masked",
}
