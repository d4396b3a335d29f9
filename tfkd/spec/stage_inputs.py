"""What the parts of a spec read of each other, as it is written."""

from collections.abc import Iterable, Mapping
from typing import Any

from tfkd.spec import registry
from tfkd.spec.balance import outweighed, untried

DATA, TOKENIZERS = "data", "tokenizers"


def inputs_of(spec: Mapping[str, Any], part: str) -> list[str]:
    """What a stage, a corpus or a tokenizer reads.

    A corpus may be what a `translate` stage writes, so that the way from a stage to another leads
    over corpora and tokenizers too.

    Args:
        spec: A spec in plain values, right or wrong: what cannot be read is passed over.
        part: A stage's name, `data.NAME` or `tokenizers.NAME`.

    Returns:
        Stages, as references; and `data.NAME` and `tokenizers.NAME`.
    """
    section, dot, name = part.partition(".")
    if dot:
        options = _mapping(_mapping(spec.get(section)).get(name))
        if section == DATA:
            return corpora(spec, _listed(options.get("drop_overlap")))
        seen_in = _mapping(options.get("keep")).get("seen_in")
        return corpora(spec, _listed(options.get("learn_from")) + _listed(seen_in))
    stage = _mapping(_mapping(spec.get("stages")).get(part))
    if "load" in stage:
        return _tokenizers(spec, stage.get("into"))
    read = [_mapping(one).get("of", one) for one in _listed(stage.get("data"))]
    if "score" in stage or "translate" in stage:
        return _words([stage.get("score", stage.get("translate"))]) + corpora(spec, read)
    origins, terms = stage.get("from"), _mapping(stage.get("objective"))
    found = list(origins.values()) if isinstance(origins, dict) else [origins]
    choose = _mapping(stage.get("choose"))
    gone = outweighed(terms, untried(stage.get("balance"), choose))
    for name, term in terms.items():
        # At a weight of 0 it leaves the graph, with its teacher.
        weighed = _mapping(term).get("weight") != 0 or f"objective.{name}.weight" in choose
        if weighed and name not in gone:
            found.append(_mapping(term).get("teacher"))
    for path, values in choose.items():
        if path.startswith("objective.") and path.endswith(".teacher"):
            found += _listed(values)
    read.append(_mapping(stage.get("validate")).get("on"))
    return _words(found) + _tokenizers(spec, stage.get("train")) + corpora(spec, read)


def corpora(spec: Mapping[str, Any], places: Iterable[Any]) -> list[str]:
    """What names of corpora lead to: `data.NAME`, or the `translate` stage that writes it.

    Args:
        spec: A spec in plain values.
        places: `CORPUS` or `CORPUS.FIELD`; what is neither is passed over.
    """
    own, stages = _mapping(spec.get(DATA)), _mapping(spec.get("stages"))
    found: dict[str, None] = {}
    for place in _words(places):
        name = place.partition(".")[0]
        if name in own:
            found[f"{DATA}.{name}"] = None
        elif "translate" in _mapping(stages.get(name)):
            found[name] = None
    return list(found)


def _tokenizers(spec: Mapping[str, Any], model: Any) -> list[str]:
    """The tokenizers of a model and of its head."""
    role, _, part = model.partition(".") if isinstance(model, str) else ("", "", "")
    options = _mapping(spec.get(role))
    options = _mapping(options.get(part)) if part else options
    named = options.get("tokenizer")
    names = list(named.values()) if isinstance(named, dict) else [named]
    names += [_mapping(options.get(key)).get("tokenizer") for key in ("head", "decoder")]
    known = _mapping(spec.get(TOKENIZERS))
    found = [f"{TOKENIZERS}.{name}" for name in dict.fromkeys(_words(names)) if name in known]
    # A model that is made of others reads their pieces.
    kind = options.get("kind")
    known = isinstance(kind, str) and kind in registry.names("model")
    for key in registry.lookup("model", kind).options.made_of if known else ():
        if options.get(key) != model and isinstance(options.get(key), str):
            found += _tokenizers(spec, options[key])
    return list(dict.fromkeys(found))


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _words(values: Iterable[Any]) -> list[str]:
    return [value for value in values if isinstance(value, str) and value]
