"""A format of one's own: a table of lines with their outputs, for devices that say few things.

Joined by `--plugin lookup_format`, a spec has `export: [{of: STAGE, format: lookup, lines: 99}]`
and `evaluate: [{of: STAGE, export: lookup, ...}]`: what the model writes for real lines is looked
up.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from tfkd.serving.check_result import ExportRefusedError
from tfkd.serving.formats.format import Format, Held
from tfkd.serving.loading.saved_translator import Translation
from tfkd.spec.formats.format import FormatOptions, Served
from tfkd.spec.metrics import OUTPUTS
from tfkd.spec.options.base import Count
from tfkd.spec.registry import register


class LookupOptions(FormatOptions):
    """A table of lines with their outputs."""

    products: ClassVar[tuple[str, ...]] = (OUTPUTS,)
    format: Literal["lookup"] = Field(description="The format.")
    lines: Count = Field(
        100, description="The most lines that it knows.", json_schema_extra={"unit": "lines"}
    )

    def reasons_against(self, served: Served) -> Iterator[tuple[str, str]]:
        if not served.model.encoder_decoder:
            yield f"{served.name} does not translate", "a translator"


class LookupEngine:
    """Answers the lines that it knows, and nothing to others."""

    choices: ClassVar[dict[str, Any]] = {}

    def __init__(self, folder: Path):
        self.folder = folder
        self.table = json.loads((folder / "table.json").read_text("utf-8"))

    def translate(self, lines: list[str]) -> list[Translation]:
        return [Translation(self.table.get(line, ""), 0.0) for line in lines]


class Lookup(Format):
    """`table.json`, written by the model itself."""

    Options = LookupOptions
    title: ClassVar[str] = "Lookup"

    def files(self, subject: Any, options: Any, folder: Path) -> dict[str, Any]:
        lines = list(subject.lines[: options.lines])
        table = dict(zip(lines, written(subject, lines), strict=True))
        (folder / "table.json").write_text(json.dumps(table), "utf-8")
        return {"lines": len(lines)}

    def open(self, folder: Path, about: Any) -> LookupEngine:
        return LookupEngine(folder)

    def held(self, subject: Any, options: Any, engine: LookupEngine) -> Held:
        lines = list(subject.lines[: options.lines])
        said = [one.text for one in engine.translate(lines)]
        if said != written(subject, lines):
            raise ExportRefusedError("export refused: it does not say what the model does")
        example = {"text": lines[0], "outputs": said[0]}
        return Held(
            {"lines": len(lines)}, f"It says what the model does, {len(lines)} lines.", example
        )

    def use(self, about: Any, held: Held) -> str:
        return "## Use\n\n`json.load(open('table.json'))[line]`\n"


def written(subject: Any, lines: list[str]) -> list[str]:
    """What the model writes for some lines."""
    from tfkd.decoding import Decoder, build_search

    source, target = (subject.tokenizers[side] for side in ("source", "target"))
    decoder = Decoder(subject.model, build_search(subject.decode), source, target)
    rows = source.encode(lines)
    return target.decode_batch(decoder.decode(rows.take(np.arange(len(rows)))).outputs)


register("format", "lookup", options=LookupOptions, target=f"{__name__}:Lookup")
