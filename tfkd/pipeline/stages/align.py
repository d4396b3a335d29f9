"""Align stages: which pieces of a corpus's two sides stand for each other."""

import hashlib
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from tfkd.data.alignment.ibm_model import IbmModel
from tfkd.data.alignment.lexicon import Lexicon
from tfkd.data.alignment.pairs import blocks
from tfkd.data.alignment.symmetrized import links_of, pharaoh
from tfkd.data.encoded import EncodedField
from tfkd.data.files import write_atomically
from tfkd.data.ragged import Ragged
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node, seed_of
from tfkd.pipeline.engine.identity import plain
from tfkd.pipeline.engine.kinds import stage_of
from tfkd.pipeline.engine.output_shards import OutputShards
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.stage import Stage
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.inputs.text_stages import place
from tfkd.pipeline.plan.planned import Planned
from tfkd.spec import Spec
from tfkd.spec.errors import UserError
from tfkd.spec.stages.align import AlignOptions

LINKS, LEXICON = "links.txt", "lexicon.safetensors"
SIDES = ("source", "target")
# Pieces of a row's side, above which it is none of a sentence's, and gets no links.
_LONGEST = 512
# Rows of a shard of links.
_ROWS = 1 << 14


class AlignStage(Stage):
    """Links of a corpus's rows, and the lexicon of its pieces.

    It leaves `links.txt`, a line a row as Pharaoh writes them: `0-0 1-2`, places of pieces of the
    source and the target, counted from 0; and `lexicon.safetensors`, see
    `tfkd.data.alignment.lexicon`. Tables are kept after each pass, and links by shards.
    """

    Options = AlignOptions
    unit = "rows"

    def node(self, graph: Any, spec: Spec, name: str, options: Any) -> Node:
        """It rests on the corpus's two sides in ids, whatever else the model is."""
        model = spec.models[options.model]
        fields = dict(zip(SIDES, reversed(SIDES) if options.swap else SIDES, strict=True))
        inputs = {Role.TEXT: graph.corpus(spec, options.align)}
        for side in SIDES:
            named = model.tokenizers[side]
            tokenizer = inputs[Role.TOKENIZER.of(side)] = graph.tokenizer(spec, named)
            inputs[Role.IDS.of(side)] = stage_of("ids").node(
                graph, spec, options.align, fields[side], named, tokenizer
            )
        identity = plain(options, without={"align", "model", "swap"})
        return Node(
            self.kind, graph.label(spec, name, seed_of(inputs)), spec, options, inputs, identity
        )

    def plan(self, node: Node, planned: Planned) -> dict[str, str]:
        """The rows that it reads."""
        corpus = planned.folder(node.inputs[Role.TEXT])
        if not corpus.done:
            return {}
        return {"tokens": f"{corpus.manifest()['summary']['report']['kept']:,} rows"}

    def run(self, node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
        """Learns from rows, then links the pieces of all.

        Raises:
            UserError: No row has pieces on both sides.
        """
        sides = [open_side(node, side, context) for side in SIDES]
        lengths = [side.lengths.astype(np.int64) for side in sides]
        aligned = np.flatnonzero((np.minimum(*lengths) > 0) & (np.maximum(*lengths) <= _LONGEST))
        if not len(aligned):
            raise UserError(
                f"stages.{node.label}: no row of {node.options.align} has pieces on both sides, at "
                f"most {_LONGEST} of them. Expected sentences and their translations"
            )
        model = _learnt(node, folder, context, sides, _spread(aligned, node.options.rows))
        counts = np.zeros(model.sizes[1], np.int64)
        shards = _Linked(node, folder, model, sides, aligned)
        told, links = context.told_progress(node.label), 0

        def lines() -> Iterator[str]:
            nonlocal links
            for number in range(len(shards)):
                context.deadline.check()
                content = shards.content(number)
                links += content["links"]
                rows = np.arange(*shards.rows(number))
                counts[:] += np.bincount(sides[1].take(rows).values, minlength=len(counts))
                told(shards.rows(number)[1], len(sides[0]))
                yield from content["lines"]

        write_atomically(folder.path / LINKS, lambda file: _write(file, lines()))
        Lexicon.of(model, counts).save(folder.path / LEXICON)
        targets = int(lengths[1][aligned].sum())
        brief = f"{len(aligned):,} rows, {links / targets:.2f} links a target piece"
        left = len(sides[0]) - len(aligned)
        brief += f"; {left:,} rows without" if left else ""
        return {
            "rows": len(sides[0]), "aligned": len(aligned), "links": links,
            "pairs": len(model.keys), "brief": brief,
        }  # fmt: skip


def open_side(node: Node, side: str, context: Context) -> EncodedField:
    """A side of an align stage's corpus in ids."""
    return EncodedField.open(place(node.inputs[Role.IDS.of(side)], context).path)


def _write(file: Any, lines: Iterator[str]) -> None:
    for line in lines:
        file.write(f"{line}\n".encode())


def _spread(rows: np.ndarray, most: int) -> np.ndarray:
    """At most so many of some rows, evenly spread over them."""
    if len(rows) <= most:
        return rows
    return rows[np.arange(most) * len(rows) // most]


def _taken(sides: list[EncodedField], rows: np.ndarray) -> tuple[Ragged, Ragged]:
    return sides[0].take(rows), sides[1].take(rows)


def _learnt(
    node: Node, folder: StageFolder, context: Context, sides: list[EncodedField], rows: np.ndarray
) -> IbmModel:
    """The model after all passes over some rows; of passes that an earlier attempt has made the
    last is found on the disk."""
    sizes = tuple(int(side.meta["vocabulary"]) for side in sides)
    pairs = sides[0].lengths[rows].astype(np.int64) * sides[1].lengths[rows]

    def parts() -> Iterator[tuple[Ragged, Ragged]]:
        for block in blocks(rows, pairs):
            context.deadline.check()
            yield _taken(sides, block)

    told, passes = context.told_progress(f"{node.label}, tables"), node.options.passes
    found = (_kept(folder, number) for number in range(passes, 0, -1))
    done, model = next((one for one in found if one is not None), (0, None))
    model = IbmModel.of_pairs(parts(), sizes) if model is None else IbmModel(sizes, **model)
    for number in range(done + 1, passes + 1):
        model = model.improved(parts())
        _keep(folder, number, model)
        told(number * len(rows), passes * len(rows))
    return model


def _keep(folder: StageFolder, number: int, model: IbmModel) -> None:
    """Writes the tables after a pass, and removes those of the one before."""
    tensors = {name: value for name, value in vars(model).items() if name != "sizes"}
    content = save(tensors)
    digest = hashlib.sha256(content).hexdigest().encode()
    write_atomically(_tables(folder, number), digest + folder.key.encode() + b"\n" + content)
    _tables(folder, number - 1).unlink(missing_ok=True)


def _kept(folder: StageFolder, number: int) -> tuple[int, dict[str, np.ndarray]] | None:
    """The tables after a pass; None: not there, damaged or another stage's."""
    try:
        head, _, content = _tables(folder, number).read_bytes().partition(b"\n")
    except OSError:
        return None
    digest = hashlib.sha256(content).hexdigest().encode()
    return (number, load(content)) if head == digest + folder.key.encode() else None


def _tables(folder: StageFolder, number: int) -> Any:
    return folder.scratch / f"tables-{number}.safetensors"


class _Linked(OutputShards):
    """The links of rows, a line each."""

    def __init__(
        self,
        node: Node,
        folder: StageFolder,
        model: IbmModel,
        sides: list[EncodedField],
        aligned: np.ndarray,
    ):
        self._of = partial(links_of, model, how=node.options.symmetrize)
        self._sides, self._aligned = sides, aligned
        starts = range(0, len(sides[0]), _ROWS)
        super().__init__(folder, [f"links-{start:010d}.json" for start in starts], self._linked)

    def rows(self, number: int) -> tuple[int, int]:
        """The first row of a shard, and the one behind its last."""
        return number * _ROWS, min((number + 1) * _ROWS, len(self._sides[0]))

    def _linked(self, number: int) -> dict[str, Any]:
        start, stop = self.rows(number)
        rows = self._aligned[slice(*np.searchsorted(self._aligned, (start, stop)))]
        lines, count = [""] * (stop - start), 0
        pairs = self._sides[0].lengths[rows].astype(np.int64) * self._sides[1].lengths[rows]
        for block in blocks(rows, pairs):
            for row, links in zip(block, self._of(*_taken(self._sides, block)), strict=True):
                lines[row - start] = pharaoh(links)
                count += len(links)
        return {"lines": lines, "links": count}
