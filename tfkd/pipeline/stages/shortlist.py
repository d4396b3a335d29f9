"""Shortlist stages: a model that writes of each source's likely translations alone."""

from typing import Any

import numpy as np

from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.stage import Stage
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.inputs.text_stages import open_tokenizer, place
from tfkd.pipeline.stages.align import LEXICON, SIDES, open_side
from tfkd.spec import Spec
from tfkd.spec.errors import UserError
from tfkd.spec.stages.shortlist import ShortlistOptions, data_of, no_lists, other_way

# The roles of what it reads, by the keys of its options.
_OF, _BY = "shortlist", "lexicon"
# Rows that its lists are tried on.
_TRIED = 2000


class ShortlistStage(Stage):
    """A stage's weights, with the lists that whatever decodes by the model goes by.

    The model's losses, and what is trained from it, know nothing of the lists: they are the other
    stage's.
    """

    Options = ShortlistOptions

    def node(self, graph: Any, spec: Spec, name: str, options: Any) -> Node:
        """Refuses what the checks of one spec do not know of another's."""
        node = super().node(graph, spec, name, options)
        model, lexicon = node.inputs[_OF], node.inputs[_BY]
        trained = model.trained
        headless = getattr(trained.options, "head", None) == "none"
        if fault := no_lists(model.label, model.model, headless):
            raise UserError(f"stages.{node.label}.{_OF}: {fault[0]}. Expected {fault[1]}")
        ours, theirs = (
            [one.inputs[Role.TOKENIZER.of(side)].key for side in SIDES]
            for one in (trained, lexicon)
        )
        if ours != theirs:
            raise UserError(
                f"stages.{node.label}.lexicon: {lexicon.label} has the pieces of other tokenizers "
                f"than {model.label}. Expected an align stage of the same model"
            )
        corpus = lexicon.inputs[Role.TEXT].key
        read = [
            (trained.inputs[Role.DATA.of(index, Role.CORPUS)].key == corpus, one.swap)
            for index, one in enumerate(data_of(trained.options))
        ]
        if fault := other_way(lexicon.label, lexicon.options.swap, model.label, read):
            raise UserError(f"stages.{node.label}.{_BY}: {fault[0]}. Expected {fault[1]}")
        return node

    def run(self, node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
        """Writes the weights as a training stage does, and `shortlist.safetensors` beside them."""
        from tfkd.data.alignment.lexicon import Lexicon
        from tfkd.decoding import Shortlist
        from tfkd.models import save_weights
        from tfkd.pipeline.inputs.models import SHORTLIST, trained_model
        from tfkd.pipeline.inputs.stage_weights import WEIGHTS

        lexicon_node = node.inputs[_BY]
        lexicon = Lexicon.load(place(lexicon_node, context).path / LEXICON)
        options = node.options
        shortlist = Shortlist(lexicon.best(options.best), lexicon.frequent(options.frequent))
        model = trained_model(node.inputs[_OF], context)
        save_weights(model, folder.path / WEIGHTS)
        shortlist.save(folder.path / SHORTLIST)
        size, covered = _tried(shortlist, lexicon_node, context)
        return {
            "parameters": model.count_params(),
            "pieces": size,
            "covered": covered,
            "brief": f"{size:,.0f} of {model.vocabulary_size:,} pieces a row, {covered:.2%} of the "
            "corpus's target pieces among them",
        }


def _tried(shortlist: Any, node: Node, context: Context) -> tuple[float, float]:
    """The mean number of pieces on a row's list, and the share of its target pieces that are on
    it, of rows of an align stage's corpus."""
    source, target = (open_side(node, side, context) for side in SIDES)
    specials = [open_tokenizer(node.inputs[Role.TOKENIZER.of(side)], context) for side in SIDES]
    rows = np.unique(np.linspace(0, len(source) - 1, min(len(source), _TRIED)).astype(int))
    sizes, inside, all_pieces = 0, 0, 0
    for sources, targets in zip(source.take(rows), target.take(rows), strict=True):
        listed = shortlist.pieces([*sources, int(specials[0].end_id)], specials[1])
        sizes += len(listed)
        inside += int(np.isin(targets, listed).sum())
        all_pieces += len(targets)
    return sizes / len(rows), inside / max(all_pieces, 1)
