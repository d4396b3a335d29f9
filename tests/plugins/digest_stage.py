"""A stage whose work is done in shards, by whoever is there: digests of a corpus's rows.

It says what its shards are, and nothing of who makes them: this process, or the workers of
`tfkd run --cluster`. Joined by `--plugin digest_stage`, a spec has a stage more:

    digests: {digest: train, rows: 100}
"""

import hashlib
from typing import Any, ClassVar

from pydantic import Field

from tfkd.data.files import write_atomically
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.output_shards import OutputShards
from tfkd.pipeline.engine.stage import Stage
from tfkd.pipeline.inputs.text_stages import open_text
from tfkd.spec.options.base import CorpusName, Count
from tfkd.spec.registry import register
from tfkd.spec.stage import StageOptions


class DigestOptions(StageOptions):
    """The SHA-256 of every row of a corpus."""

    kind: ClassVar[str] = "digest"
    digest: CorpusName = Field(description="The corpus.")
    rows: Count = Field(100, description="Rows of a shard.")


class Digest(Stage):
    """Writes `digests.txt`, a line a row."""

    Options = DigestOptions

    def shards(self, node: Node, folder: Any, context: Any) -> OutputShards:
        """Each so many rows; what one holds depends on the corpus and its number alone."""
        (corpus,) = node.inputs.values()
        text, rows = open_text(corpus, context), node.options.rows
        starts = range(0, len(text), rows)

        def make(number: int) -> dict[str, list[str]]:
            lines = text.lines(text.fields[0], starts[number], starts[number] + rows)
            return {"digests": [hashlib.sha256(line.encode()).hexdigest() for line in lines]}

        return OutputShards(folder, [f"digests-{start:09d}.json" for start in starts], make)

    def run(self, node: Node, folder: Any, context: Any) -> dict[str, Any]:
        """All shards, end to end; those that are not there are made."""
        shards = self.shards(node, folder, context)
        found = [line for n in range(len(shards)) for line in shards.content(n)["digests"]]
        write_atomically(folder.path / "digests.txt", "".join(f"{line}\n" for line in found))
        return {"rows": len(found), "brief": f"{len(found):,} rows"}


register(
    "stage", "digest", options=DigestOptions, target=f"{__name__}:Digest",
    summary="Digests of a corpus's rows",
)  # fmt: skip
