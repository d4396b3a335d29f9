"""Reading a teacher's predictions for every target token of a corpus into a store."""

from collections.abc import Mapping

from tfkd.data.examples import ExampleSet
from tfkd.data.views.base import SequenceView
from tfkd.data.views.pair import PairView
from tfkd.data.views.prompted import PromptedView
from tfkd.targets.by_part import ByPart, Predict
from tfkd.targets.readings import (
    Sizes,
    masked_reading,
    pair_reading,
    previous_reading,
    text_reading,
)
from tfkd.targets.shards import Progress
from tfkd.targets.store import SoftTargetStore
from tfkd.targets.writer import StoreWriter


def score_masked(
    predict: Predict | ByPart,
    example_set: ExampleSet,
    view: SequenceView,
    writer: StoreWriter,
    *,
    passes: int = 7,
    max_length: int | None = 512,
    batch_tokens: int = 8192,
    pad_to: int = 4,
    rows_per_shard: int | None = None,
    progress: Progress | None = None,
) -> SoftTargetStore:
    """Scores each target position while it is masked, in `passes` passes over each pair.

    Pass i masks the positions i, i + passes, ...; the end counts as one. The rows of all passes are
    packed into full batches by length. Pairs of more than `max_length` joint tokens have no rows.
    A run that was stopped goes on after its last whole shard, to the same bytes.

    Args:
        predict: `record -> {"ids" [N, K], "log_probabilities" [N, K], "gold_rank" [N],
            "gold_log_probability" [N], "entropy" [N]}` at the record's selected positions, row by
            row: `tfkd.objectives.predictor(teacher, K)`.
        example_set: The pairs to score.
        view: Their layout, of any kind: only its tokenizer is used, not what it hides or cuts.
        writer: Where they go; its header names K.
        passes: n.
        max_length: The most joint tokens, special ones included.
        batch_tokens: The most tokens of a batch, padding included; one row may have more.
        pad_to: Widths are multiples of it.
        rows_per_shard: A shard is closed once it has so many tokens; None: 65,536.
        progress: Called with (rows done, rows in all) after each batch, one row a pass and pair.
            What it raises stops the run; what is written stays.

    Raises:
        UserError: The examples are not pairs.
        ValueError: `predict` does not return what it must.

    Reference: Chen et al. 2020, section 3.2; the passes are those of the official code.
    """
    sizes = Sizes(batch_tokens, pad_to, rows_per_shard)
    scoring = masked_reading(example_set, view, sizes, passes=passes, max_length=max_length)
    return scoring.into(writer, predict, progress)


def score_previous(
    predict: Predict | ByPart,
    example_set: ExampleSet,
    view: SequenceView,
    writer: StoreWriter,
    *,
    max_length: int | None = 512,
    batch_tokens: int = 8192,
    pad_to: int = 4,
    rows_per_shard: int | None = None,
    progress: Progress | None = None,
) -> SoftTargetStore:
    """Scores each target position from the position before it, in one causal pass a pair.

    Row t of the store is read at position t - 1, row 0 at the source's [SEP] (P1's BERT_l2r, see
    `PrefixLMView`). Arguments and errors as in `score_masked`.
    """
    sizes = Sizes(batch_tokens, pad_to, rows_per_shard)
    scoring = previous_reading(example_set, view, sizes, max_length=max_length)
    return scoring.into(writer, predict, progress)


def score_pairs(
    predict: Predict | ByPart,
    example_set: ExampleSet,
    view: PairView,
    writer: StoreWriter,
    *,
    limits: Mapping[str, int] | None = None,
    batch_tokens: int = 8192,
    pad_to: int = 4,
    rows_per_shard: int | None = None,
    progress: Progress | None = None,
) -> SoftTargetStore:
    """Scores each target token given the source and the target's tokens before it, in one pass of
    an encoder-decoder a pair: what a student that reads the same pair is to predict there.

    Arguments and errors as in `score_masked`, but for:

    Args:
        limits: The most tokens of each side, special ones included; longer pairs have no rows.
            None: any number.

    Reference: Kim and Rush 2016, Sequence-Level Knowledge Distillation, section 3.1.
    """
    sizes = Sizes(batch_tokens, pad_to, rows_per_shard)
    scoring = pair_reading(example_set, view, sizes, limits=limits)
    return scoring.into(writer, predict, progress)


def score_text(
    predict: Predict,
    example_set: ExampleSet,
    view: SequenceView | PromptedView,
    writer: StoreWriter,
    *,
    max_length: int | None = 512,
    batch_tokens: int = 8192,
    pad_to: int = 4,
    rows_per_shard: int | None = None,
    progress: Progress | None = None,
) -> SoftTargetStore:
    """Scores each token of a text given those before it, in one pass of a language model a row.

    A row of the store is a position that `view` (a `CausalLMView`, or a `PromptedView` of pairs)
    selects, in their order.
    Arguments and errors as in `score_masked`; rows of more than `max_length` tokens have none.
    """
    sizes = Sizes(batch_tokens, pad_to, rows_per_shard)
    scoring = text_reading(example_set, view, sizes, max_length=max_length)
    return scoring.into(writer, predict, progress)
