"""Writes a SavedModel that answers as the model does, or none at all."""

import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import tensorflow as tf

from tfkd.data.files import write_atomically, written_by_tensorflow
from tfkd.decoding.decoder import source_limit
from tfkd.decoding.searches import build_search
from tfkd.layers.custom_gradient import without_gradients
from tfkd.serving.check_result import CheckResult, ExportRefusedError
from tfkd.serving.checking import self_check
from tfkd.serving.checksums import write_checksums
from tfkd.serving.graphs.full_precision import in_float32
from tfkd.serving.graphs.ids_model import served_bytes, write_ids_model
from tfkd.serving.graphs.served_model import ServedModel
from tfkd.serving.loading.stored_graph import read_graph, unknown_nodes
from tfkd.serving.model_card import CARD, model_card
from tfkd.serving.placing import beside, put
from tfkd.serving.trust import listed

_SHOWN = 5
_OTHERS = """
## Ops beside the known ones

{ops}: `tfkd generate` and `tfkd bench` load this SavedModel with `--trust` alone, and a TensorFlow
Serving of your own must have them.
"""

# A model card's text, and the figures of the check.
Checked = tuple[str, dict[str, Any]]


def export_saved_model(
    model: Any,
    tokenizers: Mapping[str, Any],
    decode: Any,
    folder: str | Path,
    card: Mapping[str, Any],
    *,
    sentences: Sequence[str],
    version: int = 1,
    more_ops: Collection[str] | None = (),
) -> dict[str, Any]:
    """Writes `folder/VERSION/`: a SavedModel in TensorFlow Serving's layout with a model card.

    It is written beside its place, run in a fresh process, held against uncached decoding in NumPy
    (see `self_check`), and only then renamed to its place; a version that was there is replaced.
    A model in mixed precision is exported in float32.

    Args:
        model: An encoder-decoder (see `tfkd.models.Transformer`).
        tokenizers: `source` and `target`.
        decode: Decode options (see `tfkd.decoding.build_search`).
        folder: The folder of versions.
        card: For the model card, see `tfkd.serving.model_card`.
        sentences: Real source sentences for the check; 20 to 50 are enough.
        version: The version's number.
        more_ops: TensorFlow ops that the server at hand has beside the known ones; None: any.

    Returns:
        `{"folder", "bytes", "parameters", "check": {...}, "more_ops": [...], "latency": {...}}`:
        `more_ops` are all that the graph has beside the known ones, which its card names, too;
        `latency` is of one line at batch 1, where the check took the time.

    Raises:
        ExportRefusedError: the check does not hold; the message has the sentences that differ.
    """
    search = build_search(decode)
    source, target = tokenizers["source"], tokenizers["target"]
    model = in_float32(model)
    served = ServedModel(model, source, target, search)

    def checked(part: Path, final: Path) -> Checked:
        check = self_check(part, sentences, model, source, target, search)
        figures = checked_figures(final, check, "sentence")
        text = model_card(
            card,
            example=check.example,
            search=search,
            limit=source_limit(model),
            pad=int(source.pad_id),
            check=checked_sentence(check, "sentence", "decoding in NumPy does, without caches"),
            folder=str(version),
        )
        return text, figures

    return write_version(
        served, folder, checked, tokenizers=tokenizers, version=version, more_ops=more_ops
    )


def write_version(
    served: tf.Module,
    folder: str | Path,
    checked: Callable[[Path, Path], Checked],
    *,
    tokenizers: Mapping[str, Any] = MappingProxyType({}),
    version: int = 1,
    more_ops: Collection[str] | None = (),
) -> dict[str, Any]:
    """Writes a module's SavedModel beside its place, has it checked, and renames it to its place.

    Args:
        served: The module, with `signatures()` and `weights`.
        folder: The folder of versions.
        checked: Called with the folder that was written and its place to be; returns the model
            card's text and the check's figures, or raises; a RuntimeError refuses the export.
        tokenizers: Whose files stand beside the signature `ids`, by what they read or write.
        version, more_ops: As in `export_saved_model`.

    Returns:
        As `export_saved_model`.
    """
    if version < 1:
        raise ValueError(
            f"Invalid value for argument `version`. Expected at least 1. Received: {version}"
        )
    final = Path(folder) / str(version)
    part = beside(final)
    try:
        with written_by_tensorflow(part), without_gradients():
            tf.saved_model.save(served, str(part), signatures=served.signatures())
            write_ids_model(served, part, tokenizers)
        others = _other_ops(part, more_ops)
        try:
            text, figures = checked(part, final)
        except RuntimeError as error:
            raise ExportRefusedError(f"{final}: export refused: {error}") from error
        more = _OTHERS.format(ops=", ".join(others)) if others else ""
        write_atomically(part / CARD, text + more)
        write_checksums(part)
        put(part, final)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    # A time is of this machine at this moment, and no part of what was found to be right.
    timed = {"latency": figures["latency"]} if "latency" in figures else {}
    figures = {name: value for name, value in figures.items() if name != "latency"}
    return {
        "folder": str(final),
        "bytes": served_bytes(final),
        "parameters": sum(int(weight.shape.num_elements()) for weight in served.weights),
        "check": figures,
        "more_ops": others,
        **timed,
    }


def _other_ops(part: Path, more_ops: Collection[str] | None) -> list[str]:
    """The ops that are not known, each of them allowed."""
    nodes = unknown_nodes(read_graph(part))
    unknown = [node for node in nodes if more_ops is not None and node.op not in more_ops]
    if unknown:
        raise ExportRefusedError(
            "export refused: the graph needs ops that a stock TensorFlow Serving may lack, and "
            f"that `tfkd generate` does not run: {listed(unknown)}. Replace what makes them in the "
            "model or tokenizer, or name them in `more_ops` if your server has them"
        )
    return sorted({node.op for node in nodes})


def checked_figures(final: Path, check: CheckResult, row: str) -> dict[str, Any]:
    """What results say of a check, or a refusal where it does not hold.

    Args:
        final: The version's place.
        check: What was found.
        row: What was compared: "sentence" or "prompt".
    """
    if not check.rows:
        raise ExportRefusedError(
            f"{final}: export refused: no {row} to check it on. Give real {row}s "
            f"({len(check.tokenised_otherwise)} were left out, because the tokenizer in the graph "
            "reads them otherwise)"
        )
    if not check.holds:
        shown = "\n".join(str(each) for each in check.differences[:_SHOWN])
        raise ExportRefusedError(
            f"{final}: export refused: the SavedModel's answers to {check.rows} {row}s are not all "
            f"the model's; {len(check.differences)} answers differ:\n{shown}"
        )
    return {
        f"{row}s": check.rows,
        "ties": check.ties,
        "largest_difference": check.largest_difference,
        "tokenised_otherwise": len(check.tokenised_otherwise),
        **({"latency": check.latency} if check.latency else {}),
    }


def checked_sentence(check: CheckResult, row: str, how: str) -> str:
    """What a model card says of a check that holds: compared by `row`, `how`."""
    text = (
        f"Before it was put here, this SavedModel answered {check.rows} {row}s in a fresh process "
        f"with tensorflow and tensorflow_text alone as {how}: scores to "
        f"{check.largest_difference:.1g}"
    )
    if check.ties:
        text += f"; {check.ties} times it chose another output, as good by its score"
    if check.tokenised_otherwise:
        text += (
            f"; {len(check.tokenised_otherwise)} {row}s were left out, because the tokenizer in "
            "the graph reads them otherwise than the one in Python"
        )
    return text + "."
