"""One of several outputs of each row, chosen by a metric."""

from collections.abc import Sequence

from tfkd.spec.options.best_of import BestOfOptions


def chosen_of(
    choose: BestOfOptions,
    found: Sequence[list[tuple[str, float]] | None],
    sources: Sequence[str],
    against: Sequence[str] | None,
) -> list[str | None]:
    """The output of each row that is kept.

    Args:
        choose: How it is chosen.
        found: Of each row its outputs with their scores, likeliest first; None: it is too long.
        sources: What was read, one a row.
        against: What outputs are held against, one a row; None: each other (mbr).

    Returns:
        One a row; empty: the model wrote nothing but that; None: it is too long.
    """
    from tfkd.evaluation.asked_metrics import metric_of
    from tfkd.evaluation.candidates import least_risk, most_like

    texts = [[text for text, _ in outputs or () if text] for outputs in found]
    rows = [row for row, outputs in enumerate(texts) if outputs]
    kept: list[str | None] = [None if outputs is None else "" for outputs in found]
    if not rows:
        return kept
    metric, candidates = metric_of(choose.metric, choose), [texts[row] for row in rows]
    read = [sources[row] for row in rows]
    if against is None:
        best = least_risk(metric, candidates, read)
    else:
        best = most_like(metric, candidates, [against[row] for row in rows], read)
    for row, outputs, at in zip(rows, candidates, best, strict=True):
        kept[row] = outputs[at]
    return kept
