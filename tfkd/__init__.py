"""Distils pre-trained language models into models that generate or classify text.

The short way in:

- `tfkd.load_spec(path)`: a spec, checked and resolved.
- `tfkd.build(spec)`: its Keras models, by name.
- `tfkd.run(spec, data_dir=..., runs_dir=...)`: every stage, the scores and the report, as a `Run`.
- `tfkd.open_run(folder)`: a run that has ended.
- `tfkd.open_rows(spec, stage)`: the rows that a teacher of your own is to score.
- `tfkd.UserError`: the input is wrong; `tfkd.Interrupted`: a run stopped early, and the same call
  goes on.

Everything is imported when first asked for, so `import tfkd` costs nothing.
"""

import importlib
import logging
from typing import Any

__version__ = "0.2.0"

# Whoever wants the records of a library asks for them: logging.basicConfig(level="INFO").
logging.getLogger(__name__).addHandler(logging.NullHandler())

_PLACES = {
    "load_spec": "tfkd.spec",
    "validate_files": "tfkd.spec",
    "build": "tfkd.api",
    "run": "tfkd.api",
    "Run": "tfkd.finished_run",
    "open_run": "tfkd.finished_run",
    "open_rows": "tfkd.api",
    "Rows": "tfkd.pipeline.inputs.own_rows",
    "UserError": "tfkd.outside.user_error",
    "Interrupted": "tfkd.training.interruption",
}
_FLOORS = (
    "outside", "spec", "reference", "data", "layers", "models", "objectives", "targets", "training",
    "decoding", "evaluation", "serving", "pipeline", "report", "starters", "commands",
)  # fmt: skip
__all__ = [
    "Interrupted", "Rows", "Run", "UserError", "__version__", "build", "load_spec", "open_rows",
    "open_run", "run", "validate_files",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(importlib.import_module(_PLACES[name]), name)
    if name in _FLOORS:
        return importlib.import_module(f"tfkd.{name}")
    raise AttributeError(f"module 'tfkd' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_FLOORS])
