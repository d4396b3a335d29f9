"""A system's rows as a metric counts them: once, for all that follows from their sums."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tfkd.evaluation.intervals.approximate_randomization import TRIALS, randomized_p
from tfkd.evaluation.intervals.bootstrap import interval, resampled_sums
from tfkd.evaluation.intervals.paired import judged_difference
from tfkd.evaluation.metrics import Metric
from tfkd.evaluation.score import Score
from tfkd.evaluation.verdicts.verdict import RANDOMIZATION
from tfkd.spec import registry
from tfkd.spec.metrics import KIND, about


@dataclass(frozen=True)
class Counted:
    """What a metric sums over the rows of a test set, of one system.

    Attributes:
        metric: The metric.
        product: What the rows were counted from.
        statistics: `[rows, n]`.
    """

    metric: Metric
    product: Any
    statistics: np.ndarray

    @classmethod
    def of(
        cls,
        metric: Metric,
        product: Any,
        references: Sequence[str] | None = None,
        sources: Sequence[str] | None = None,
    ) -> "Counted":
        """Counts a system's rows; the arguments as of `Metric.statistics`.

        Raises:
            ValueError: The metric does not give a line of numbers for each row.
        """
        found = np.asarray(metric.statistics(product, references, sources))
        if found.ndim != 2 or found.dtype.kind not in "iufb":
            raise ValueError(
                f"Invalid statistics of the metric {metric.name}. Expected numbers [rows, n]. "
                f"Received: {found.dtype} of shape {found.shape}"
            )
        return cls(metric, product, found)

    @cached_property
    def value(self) -> float:
        """The metric of all rows."""
        return self.metric.value(self.statistics)

    def score(self, samples: int = 1000, seed: int = 1) -> Score:
        """The metric with its 95 % interval, by bootstrap over rows.

        Args:
            samples: Bootstrap samples; up to 1: no interval.
            seed: Their seed; sacreBLEU draws the same with SACREBLEU_SEED=seed.
        """
        samples = samples if len(self.statistics) else 1
        low = high = None
        if samples > 1:
            low, high = interval(self._drawn(samples, seed))
        signature = self.metric.signature(self.product, samples, seed)
        return Score(
            name=self.metric.name, value=self.value, low=low, high=high, signature=signature
        )

    def less(
        self,
        other: "Counted",
        samples: int = 1000,
        seed: int = 1,
        *,
        trials: int = TRIALS,
        p_by: str = RANDOMIZATION,
    ) -> dict[str, Any]:
        """This system less another on the same rows; see `paired_bootstrap`.

        Raises:
            ValueError: They have other numbers of rows.
        """
        if len(self.statistics) != len(other.statistics):
            raise ValueError(
                "Invalid value for argument `baseline`. Expected as many rows as the system has. "
                f"Received: {len(self.statistics)} and {len(other.statistics)}"
            )
        sides = self.statistics, other.statistics
        return judged_difference(
            *(one._drawn(samples, seed) for one in (self, other)),
            self.value,
            other.value,
            lambda: randomized_p(*sides, self.metric.of_sums, trials, seed),
            p_by,
        )

    def _drawn(self, samples: int, seed: int) -> np.ndarray:
        """The metric of each bootstrap sample, `[samples]`."""
        found = self.metric.of_sums(resampled_sums(self.statistics, samples, seed))
        # A sample of rows that have no score together (without a single token) has the corpus's.
        return np.where(np.isnan(found), self.value, found)


def metric_named(metric: str | Metric, **options: Any) -> Metric:
    """A metric by its name, with options of its own; one that is one already as it is.

    Raises:
        UserError: There is no such metric.
        pydantic.ValidationError: It has no such options.
    """
    if not isinstance(metric, str):
        return metric
    made = about(metric)
    if made.products and metric not in registry.names(KIND):
        return made()  # one that is counted beside another
    entry = registry.lookup(KIND, metric)
    return made(entry.options(**options))


def score_of(
    metric: str | Metric,
    product: Any,
    references: Sequence[str] | None = None,
    sources: Sequence[str] | None = None,
    *,
    samples: int = 1000,
    seed: int = 1,
    **options: Any,
) -> Score:
    """A metric with its 95 % interval, by bootstrap over rows.

    Args:
        metric: Its name, like `bleu`; or a `Metric`.
        product: What it is counted from: of `bleu` and the like the outputs, as people write them.
        references: One reference a row.
        sources: What was read; few metrics ask for it.
        samples: Bootstrap samples; up to 1: no interval.
        seed: Their seed; sacreBLEU draws the same with SACREBLEU_SEED=seed.
        **options: Of the metric, as in specs.

    Example:
        score_of("bleu", outputs, references, tokenize="zh").value
    """
    counted = Counted.of(metric_named(metric, **options), product, references, sources)
    return counted.score(samples, seed)


def paired_bootstrap(
    metric: str | Metric,
    system: Any,
    baseline: Any,
    references: Sequence[str] | None = None,
    sources: Sequence[str] | None = None,
    *,
    samples: int = 1000,
    seed: int = 1,
    trials: int = TRIALS,
    p_by: str = RANDOMIZATION,
    **options: Any,
) -> dict[str, Any]:
    """Compares two systems on the same rows.

    Both are scored on each of the same bootstrap samples of rows, and on the same rows shuffled
    between them.

    Args:
        metric: Its name, or a `Metric`.
        system: The system's outputs, or what else the metric is counted from.
        baseline: The baseline's, row by row.
        references, sources: As in `score_of`.
        samples: Bootstrap samples.
        seed: Their seed, and that of the trials; sacreBLEU's `--paired-bs` and `--paired-ar` draw
            the same with SACREBLEU_SEED=seed.
        trials: Of the approximate randomization.
        p_by: `approximate_randomization`, or `bootstrap` for the p of sacreBLEU's `--paired-bs`.
        **options: Of the metric, as in specs.

    Returns:
        `value`: the baseline's score, `value_low`, `value_high`: its 95 % interval; `delta`: the
        system's less the baseline's; `low`, `high`: the 95 % interval of delta; `p`: two-sided, by
        `approximate_randomization`, and `p_by`; `wins`: the share of samples in which the system
        scores higher (Koehn's own figure).

        By `bootstrap` p is (c + 1) / (samples + 1), c the samples whose |difference|, less the mean
        of these, exceeds |delta| (and 1 where no sample differs at all). Of a large difference it
        weighs one tail, so that below 0.05 the interval may still have 0 within; of none it is
        about 0.4.
    """
    made = metric_named(metric, **options)
    ours, theirs = (Counted.of(made, one, references, sources) for one in (system, baseline))
    return ours.less(theirs, samples, seed, trials=trials, p_by=p_by)
