"""The defaults of all options, pinned: `python tests/pipeline/pinned_defaults.py` writes them."""

import json
from pathlib import Path
from typing import Any

from pydantic_core import PydanticUndefined

from tfkd.spec import registry
from tfkd.spec.builtins import register_builtins
from tfkd.spec.options.corpora import CORPORA
from tfkd.spec.options.stages import LearntPart
from tfkd.spec.options.training import BatchOptions, ScheduleOptions, ValidateOptions
from tfkd.spec.stages.score import ScoreOptions
from tfkd.spec.stages.train import TrainOptions
from tfkd.spec.stages.translate import TranslateOptions

TABLE = Path(__file__).parent / "pinned_defaults.json"
_KINDS = (
    "corpus",
    "tokenizer",
    "model",
    "adapter",
    "view",
    "objective",
    "optimizer",
    "decode",
    "format",
)
# What is in no fingerprint may change as it likes.
_FREE = {"train.log_every", "train.save_every", "score.batch_tokens"}
_FREE |= {f"corpus.{kind}.max_bad_rows" for kind in CORPORA}
_FREE |= {f"{stage}.on_failed_check" for stage in ("train", "score", "translate")}


def defaults() -> dict[str, Any]:
    """The default of each option, by `KIND.NAME.OPTION`."""
    register_builtins()
    models = {
        "train": TrainOptions,
        "score": ScoreOptions,
        "translate": TranslateOptions,
        "data_part": LearntPart,
        "batch": BatchOptions,
        "schedule": ScheduleOptions,
        "validate": ValidateOptions,
    }
    for kind in _KINDS:
        entries = {name: registry.lookup(kind, name) for name in registry.names(kind)}
        models |= {
            f"{kind}.{name}": entry.options
            for name, entry in entries.items()
            if entry.target.startswith("tfkd.")  # and no plugin's that another test has loaded
        }
    return {
        f"{owner}.{name}": _plain(field.default)
        for owner, model in sorted(models.items())
        for name, field in model.model_fields.items()
        if field.default is not PydanticUndefined and f"{owner}.{name}" not in _FREE
    }


def _plain(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        value = value.model_dump(mode="json", by_alias=True)
    return json.loads(json.dumps(value))


if __name__ == "__main__":
    TABLE.write_text(json.dumps(defaults(), indent=1) + "\n", "utf-8")
