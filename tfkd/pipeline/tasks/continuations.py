"""What a language model writes after first halves of a corpus's lines, for people to read."""

import json
from typing import Any

from tfkd.data.files import write_atomically
from tfkd.data.strict_json import read_json
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.output_shards import shard
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.run_texts import examples
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.inputs.made import text_tokenizer
from tfkd.pipeline.inputs.text_stages import open_text
from tfkd.pipeline.inputs.tuned_decode import decode_of

FILE = "continuations.json"
# Lines that are continued, evenly spaced, and how many of them are kept at once.
_ROWS, _SHARD = 100, 25
_FIELDS, _CANDIDATES = ("text", "source"), 4


def write_continuations(node: Node, model: Any, folder: StageFolder, context: Context) -> None:
    """Writes `continuations.json`, `[{"prompt", "reference", "continuation"}]`, in shards, each
    whole: a killed evaluation goes on with the next."""
    from tfkd.decoding import Continuer, build_search

    tokenizer = text_tokenizer(node.inputs[Role.MODEL], context)
    prompts = prompts_of(open_text(node.inputs[Role.TEXT], context), _ROWS)
    continuer = Continuer(model, build_search(decode_of(node, context)), tokenizer)

    def written(start: int) -> dict[str, list[str]]:
        context.deadline.check()
        some = [prompt for prompt, _ in prompts[start : start + _SHARD]]
        return {"lines": tokenizer.decode_batch(continuer(tokenizer.encode(some)))}

    lines: list[str] = []
    for start in range(0, len(prompts), _SHARD):
        name = f"continuations-{start:04d}.json"
        lines += shard(folder, name, lambda start=start: written(start))["lines"]
    found = [
        {"prompt": prompt, "reference": rest, "continuation": line}
        for (prompt, rest), line in zip(prompts, lines, strict=True)
    ]
    write_atomically(folder.path / FILE, json.dumps(found, ensure_ascii=False, indent=1))


def show_continuations(
    entry: dict[str, Any], system: Node, baseline: Node | None, context: Context
) -> dict[str, list[str]]:
    """Puts examples into an entry of results.json's `evaluations`.

    Args:
        entry: The entry.
        system: The evaluation stage of the model.
        baseline: That of the model that it is compared with.
        context: The run's surroundings.

    Returns:
        `prompts`, `continuations` and `references`: a line each.
    """
    found = continued(system, context)
    others = None if baseline is None else continued(baseline, context)
    against = None if others is None else [one["continuation"].strip() for one in others]
    lines = [[one[key].strip() for one in found] for key in ("reference", "continuation")]
    entry["examples"] = examples([one["prompt"] for one in found], *lines, against)
    return {
        f"{key}s": [one[key] for one in found] for key in ("prompt", "continuation", "reference")
    }


def continued(node: Node, context: Context) -> list[dict[str, str]]:
    """What `write_continuations` wrote, each text on one line."""
    found = read_json(context.stages / node.key / FILE)
    return [{key: text.replace("\n", " ") for key, text in one.items()} for one in found]


def halves(line: str) -> tuple[str, str]:
    """The first half of a line's words, of an odd number the larger, and the rest with its space;
    of a line without spaces the characters count."""
    words = line.split()
    if len(words) < 2:
        middle = (len(line) + 1) // 2
        return line[:middle], line[middle:]
    place = 0
    for word in words[: (len(words) + 1) // 2]:
        place = line.index(word, place) + len(word)
    return line[:place], line[place:]


def prompts_of(text: Any, most: int) -> list[tuple[str, str]]:
    """Prompts with what follows them, of at most so many of a corpus's lines, evenly spaced; lines
    of fewer than two characters are left out.

    Args:
        text: A text corpus with a field `text`, or `source`.
        most: How many.
    """
    field = next(name for name in _FIELDS if name in text.fields)
    # Text like WikiText's has more empty lines than others.
    step = max(1, len(text) // (_CANDIDATES * most))
    found = [halves(text.line(field, row)) for row in range(0, len(text), step)]
    found = [(prompt, rest) for prompt, rest in found if rest.strip()]
    return found[:: max(1, -(-len(found) // most))]
