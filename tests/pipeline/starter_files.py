"""Files as users have them, and the specs that `tfkd init` writes for them."""

import json
import random

import numpy as np
from safetensors.numpy import save_file

from tfkd import cli
from tfkd.pipeline.plan.validate import validate
from tfkd.spec import load_spec

CLASSES = ["gut", "schlecht"]
WORDS = [f"wort{number}" for number in range(200)]


def write(folder, name, header, rows, cut, seed=1):
    """A table whose cells are so many words, or one of some."""
    draw = random.Random(seed)
    lines = [header] if header else []
    for _ in range(rows):
        cells = [
            draw.choice(one) if isinstance(one, list) else " ".join(draw.choices(WORDS, k=one))
            for one in cut[1]
        ]
        lines.append(cut[0].join(cells))
    (folder / name).write_text("\n".join(lines) + "\n", "utf-8")
    return name


def started(folder, *words):
    """The spec that a command writes, checked with its files and all its variants."""
    path = folder / "spec.yaml"
    path.unlink(missing_ok=True)
    assert cli.main(["init", str(path), "--data-dir", str(folder), *words]) == cli.DONE
    errors, _ = validate([path], data_dir=folder)
    assert errors == []
    return load_spec(path)


def write_files(folder):
    """Tables and texts of each kind."""
    classes = [["gut", "schlecht"]]
    write(folder, "reviews.csv", "id,review,sentiment", 500, (",", [1, 12, *classes]))
    write(folder, "plain.tsv", None, 500, ("\t", [12, *classes]))
    write(folder, "pairs.csv", "fr;en", 500, (";", [12, 9]))
    write(folder, "stories.tsv", "article\tsummary", 300, ("\t", [150, 8]))
    for seed, name in enumerate(("a.de", "a.en", "more.txt", "v.txt", "t.txt")):
        write(folder, name, None, 400, ("", [11]), seed)


def published(folder, kind="bert", **more):
    sizes = {"bert": {"num_hidden_layers": 2, "hidden_size": 32, "num_attention_heads": 4,
                      "intermediate_size": 64, "max_position_embeddings": 128,
                      "type_vocab_size": 2, "vocab_size": 9},
             "gpt2": {"n_layer": 2, "n_embd": 32, "n_head": 2, "n_positions": 64,
                      "vocab_size": 9}}  # fmt: skip
    (folder / "published").mkdir()
    config = {"model_type": kind, **sizes.get(kind, {}), **more}
    (folder / "published" / "config.json").write_text(json.dumps(config))
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "wort", "##1", "##2", "a"]
    (folder / "published" / "vocab.txt").write_text("\n".join(pieces))
    (folder / "published" / "vocab.json").write_text("{}")
    (folder / "published" / "merges.txt").write_text("")
    head = {"bert": "cls.predictions.bias"}.get(kind, "wte.weight")
    save_file({head: np.zeros(9, np.float32)}, folder / "published" / "model.safetensors")
