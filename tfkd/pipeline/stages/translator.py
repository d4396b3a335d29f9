"""From lines to what is kept of the outputs of a translate stage's model, or of several as one."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from tfkd.data.text.sources import LINE_BREAKS
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.inputs.asked_models import asked_model
from tfkd.pipeline.inputs.letter_case import lower_cased

# Of a row its output, or its outputs, best first, each with its score; None: it is too long.
Outputs = str | list[tuple[str, float]] | None
Translate = Callable[[list[str]], tuple[list[Outputs], int]]


def translator(node: Node, context: Context) -> Translate:
    """Lines in; what is kept of the search's outputs, and all their tokens out."""
    from tfkd.data.tokenizers.lower_casing import LowerCasing
    from tfkd.pipeline.engine.fresh_start import fresh_start
    from tfkd.pipeline.inputs.made import side_tokenizers

    fresh_start()
    trained = node.inputs[Role.MODEL]
    tokenizers = side_tokenizers(trained, context)
    source, target = tokenizers["source"], tokenizers["target"]
    if lower_cased(trained):
        source = LowerCasing(source)
    decode = node.options.decoding(trained.task.default_decode(trained.model))
    made = _decoder if Role.EXPORT not in node.inputs else _engine
    decoder, limit = made(node, decode, source, target, context)
    listed = node.options.keep == "n_best" or node.options.choose is not None
    several = getattr(decode, "n_best", 1) if listed else None

    def translate(lines: list[str]) -> tuple[list[Outputs], int]:
        ids = source.encode(lines)
        # The decoder would cut longer ones, and the pair would be half a pair.
        whole = np.flatnonzero(ids.lengths <= limit)
        decoded = decoder.decode(ids.take(whole))
        outputs = decoded.n_best if several else decoded.outputs
        texts = [LINE_BREAKS.sub(" ", one).strip() for one in target.decode_batch(outputs)]
        found: list[Outputs] = [None] * len(lines)
        for at, row in enumerate(whole):
            if several is None:
                found[row] = texts[at]
                continue
            own = slice(at * several, (at + 1) * several)
            scores = once_scored(list(outputs[own]), decoded.n_best_scores[at])
            # Of fewer outputs than n the others have no score.
            found[row] = [one for one in zip(texts[own], scores, strict=True) if one[1] > -np.inf]
        return found, int(outputs.lengths.sum())

    return translate


def _decoder(
    node: Node, decode: Any, source: Any, target: Any, context: Context
) -> tuple[Any, int]:
    """What decodes ids, and the most of them that it reads."""
    from tfkd.decoding import Decoder, build_search
    from tfkd.decoding.decoder import source_limit
    from tfkd.pipeline.inputs.models import trained_model

    model = asked_model(node, lambda one: trained_model(one, context))
    return Decoder(model, build_search(decode), source, target), source_limit(model)


def _engine(node: Node, decode: Any, source: Any, target: Any, context: Context) -> tuple[Any, int]:
    """The same of an engine; the tokenizers stay the model's own."""
    from tfkd.pipeline.stages.export import open_export
    from tfkd.serving.formats.engine_decoder import EngineDecoder

    engine = open_export(node.inputs[Role.EXPORT], context)
    decoder = EngineDecoder(engine, getattr(decode, "n_best", 1), source, target)
    return decoder, decoder.limit


def once_scored(outputs: Sequence[np.ndarray], scores: Iterable[float]) -> list[float]:
    """The scores of a row's outputs, of equal ones that of the first: draws of the same pieces are
    one output, and what a batch adds up for each may differ in its last digits."""
    first: dict[bytes, float] = {}
    return [
        first.setdefault(ids.tobytes(), float(score)) if score > -np.inf else float(score)
        for ids, score in zip(outputs, scores, strict=True)
    ]
