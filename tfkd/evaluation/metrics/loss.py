"""Loss and perplexity: how surprised a model is by what it should have said."""

from tfkd.evaluation.metrics.ratio import Ratio


class Loss(Ratio):
    """Negative log-likelihood in nats a token (of a classifier: a row): sum of sums / tokens."""

    name = "loss"
    title = "Loss (nats)"
    higher_is_better = False
    of_likelihood = True
    decimals = 3
    kind = "nll:nats"


class Perplexity(Ratio):
    """exp(loss)."""

    name = "perplexity"
    title = "Perplexity"
    higher_is_better = False
    of_likelihood = True
    logarithmic = True
    kind = "ppl:exp"
    exponential = True
