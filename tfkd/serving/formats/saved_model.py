"""SavedModels, which each task writes in its own way: see `Task.export`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from tfkd.serving.formats.format import Engine, Format, Subject
from tfkd.spec.formats.saved_model import SavedModelOptions

# The version of a run's SavedModels, which TensorFlow Serving finds by its number.
VERSION = "1"


class SavedModel(Format):
    """TensorFlow's SavedModels, with tokenizer, model and decoding in one graph."""

    Options = SavedModelOptions
    title: ClassVar[str] = "SavedModel"

    def open(self, folder: Path, about: Mapping[str, Any]) -> Engine:
        from tfkd.serving.loading.saved_translator import load_saved_model

        return load_saved_model(folder)

    def write(self, subject: Subject, options: Any, final: Path) -> dict[str, Any]:
        """As its task does; `final` is the folder of its version."""
        return subject.saved_model(final.parent)
