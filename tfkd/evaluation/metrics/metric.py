"""What a metric is: a function of sums over rows, and what is to be known of it.

Specs are checked by the attributes, so a metric's module is imported when a spec is read: it
imports what is heavy where it counts.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from tfkd.spec.metrics import CLASSES, OUTPUTS, TEACHER_FORCED, WORDS

if TYPE_CHECKING:
    import numpy as np


class Metric:
    """A metric that is a function of sums over the rows of a test set.

    Score, interval, comparison with a baseline, scores by length and the rows on which two systems
    differ follow from `statistics` and `of_sums`. A subclass gives these two and the attributes.

    Attributes:
        name: As specs and results name it.
        title: For people; default: of its name.
        products: What it is counted from, one or several of `OUTPUTS` (lines, list of str),
            `TEACHER_FORCED` (`RowSums`), `CLASSES` (`Predicted`) and `WORDS` (`WordSums`). Of a
            classifier it is `CLASSES`; of a model of words the first other, which its evaluation
            makes.
        higher_is_better: Whether more of it is better.
        decimals: How many are shown.
        percent: Whether it is a share, 0 to 1, that is shown in %.
        logarithmic: Whether its values stand on a logarithmic scale, as perplexities.
        proper: Whether its title keeps its first capital inside a sentence.
        family: Of metrics of outputs in one family, one stands for all where rows are sorted by
            length or shown by themselves: the one of the family's name, or else the last measured.
        reads_sources: Whether it asks for the sources, too.
        of_likelihood: Whether it asks how likely the right answers were, which no file of a run
            folder keeps of classes.
        of_one_class: Whether it is about `positive` of two classes, where that is known.
        in_training: Whether a training can validate by it.
        also: Metrics that are counted with it, unasked.

    Args:
        options: Its options, as registered with its name; None: it has none, or their defaults.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    products: ClassVar[tuple[str, ...]] = (OUTPUTS,)
    higher_is_better: ClassVar[bool] = True
    decimals: ClassVar[int] = 2
    percent: ClassVar[bool] = False
    logarithmic: ClassVar[bool] = False
    proper: ClassVar[bool] = False
    family: ClassVar[str] = ""
    reads_sources: ClassVar[bool] = False
    of_likelihood: ClassVar[bool] = False
    of_one_class: ClassVar[bool] = False
    in_training: ClassVar[bool] = True
    also: ClassVar[tuple[type["Metric"], ...]] = ()

    def __init__(self, options: Any = None):
        self.options = options

    def __init_subclass__(cls, **settings: Any):
        super().__init_subclass__(**settings)
        if "name" in cls.__dict__ and "title" not in cls.__dict__:
            cls.title = cls.name.replace("_", " ").capitalize()

    def statistics(
        self, product: Any, references: Sequence[str] | None, sources: Sequence[str] | None = None
    ) -> "np.ndarray":
        """What is summed, a line for each row: numbers `[rows, n]`.

        Args:
            product: A system's; see `products`.
            references: One a row: of outputs the expected ones, of classes the labels; None where
                the product says all.
            sources: What was read, one a row; None where it is not known.
        """
        raise NotImplementedError

    def of_sums(self, sums: "np.ndarray") -> "np.ndarray":
        """The metric of sums of rows: `[..., n]` -> `[...]`; no number where it has none."""
        raise NotImplementedError

    def value(self, statistics: "np.ndarray") -> float:
        """The metric of these rows, `[rows, n]`."""
        return float(self.of_sums(statistics.sum(0, dtype=float)))

    def of_rows(self, statistics: "np.ndarray") -> "np.ndarray":
        """Each row's own score, `[rows, n]` -> float64 `[rows]`."""
        return self.of_sums(statistics)

    def signature(self, product: Any, samples: int, seed: int) -> str:
        """What was counted and how, as `key:value|...`, with the interval's samples if any."""
        chosen = [] if self.options is None else [f"{key}:{one}" for key, one in self.options]
        return "|".join([self.name, *chosen, *sampled(samples, seed)])


def sampled(samples: int, seed: int) -> list[str]:
    """What a signature says of an interval; nothing without one."""
    return [f"bs:{samples}", f"seed:{seed}"] if samples > 1 else []


__all__ = ["CLASSES", "OUTPUTS", "TEACHER_FORCED", "WORDS", "Metric", "sampled"]
