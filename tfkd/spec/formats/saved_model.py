"""SavedModels, which TensorFlow and TensorFlow Serving run."""

from typing import Literal

from pydantic import Field

from tfkd.spec.formats.format import FormatOptions


class SavedModelOptions(FormatOptions):
    """A SavedModel: strings in, strings out, by TensorFlow or TensorFlow Serving."""

    format: Literal["saved_model"] = Field("saved_model", description="The format.")
