"""The training loop."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import tensorflow as tf

from tfkd.training.settings import TrainSettings
from tfkd.training.training_run import HISTORY, WEIGHTS, TrainingRun
from tfkd.training.worker import Worker


class TrainResult(NamedTuple):
    """What a training left.

    Attributes:
        steps: Steps made: all, or fewer where patience ran out.
        seconds: Of training, over all attempts.
        best: `{"step", "metric", "value"}` with keep={"best": METRIC}, else None.
        history: The file of lines.
        weights: The file of the weights that the model has now.
        set_aside: By their steps, the files of the last validated weights that it was told to set
            aside, the oldest first; weights that stay frozen are in none.
    """

    steps: int
    seconds: float
    best: dict[str, Any] | None
    history: Path
    weights: Path
    set_aside: Mapping[int, Path] = MappingProxyType({})


def train(distiller: Any, batcher: Any, settings: TrainSettings) -> TrainResult:
    """Trains a distiller's student; called again with the same folder, it goes on where it was.

    Batch n is `batcher.batch(n)`, whatever came before. A training that was killed at any moment
    comes to the same weights, bit for bit on one machine, as one that was not. In the folder:
    `history.jsonl`, `weights.safetensors` at the end, `checkpoints/` (the last two), `kept/`,
    `validations.json`, `tensorboard/`.

    Lines of the history: `{"step", "epoch", "seconds", "loss", "terms", "metrics",
    "gradient_norm", "learning_rate", "tokens", "tokens_per_second", "waiting_share"}`, means over
    the steps since the line before (the norm is before clipping; tokens are counted from the start;
    waiting is the host's, for batches: the most that a GPU, which goes on meanwhile, may wait), and
    `{"step", "validation"}`. In float16 also "loss_scale", and "skipped_steps" from the start on.

    Args:
        distiller: The student and its terms, built in the strategy's scope.
        batcher: Gives `batch(n)`, a nested dict of arrays `[rows, ...]`.
        settings: How.

    Raises:
        Interrupted: SIGTERM, SIGINT, SIGHUP or the time limit; everything is saved.
        TrainingDiverged: Loss or gradient became NaN or infinite; the batch is in the folder.
        UserError: The folder's checkpoints are of another training, or none is whole.
    """
    _check_scope(distiller.student, settings.strategy)
    folder, chief = settings.folder, settings.hosts.chief
    if chief:
        folder.mkdir(parents=True, exist_ok=True)
    run = (TrainingRun if chief else Worker)(distiller, batcher, settings)
    run.run()
    files = folder / HISTORY, folder / WEIGHTS
    return TrainResult(run.step, run.seconds, run.best, *files, run.set_aside)


def _check_scope(student: Any, strategy: tf.distribute.Strategy) -> None:
    if strategy.num_replicas_in_sync == 1:
        return
    for variable in student.variables:
        if not strategy.extended.variable_created_in_scope(variable.value):
            raise ValueError(
                "Invalid value for argument `distiller`. Expected a student built in "
                f"`strategy.scope()`. Received: {variable.path}, made outside of it"
            )
