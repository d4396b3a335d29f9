"""Models at random in the formats of several engines, and what answers by one of them."""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import engine_graph_models
from engine_graph_models import OURS, SPECIALS

START, END = SPECIALS.index("[CLS]"), SPECIALS.index("[SEP]")
DECODE = {
    "kind": "beam",
    "beam": 4,
    "length_penalty": 0.0,
    "max_length": {"factor": 1.0, "plus": 0},
}
MAX_LENGTH = 128
# specs/multi30k_deen; transformer_iwslt_de_en of fairseq; base of Vaswani et al. (2017), Table 3.
SIZES = {
    "multi30k_deen": {"vocabulary": 8000, "layers": 3, "width": 256, "heads": 4, "inner": 1024},
    "iwslt": {"vocabulary": 10_000, "layers": 6, "width": 512, "heads": 4, "inner": 1024},
    "base": {"vocabulary": 32_000, "layers": 6, "width": 512, "heads": 8, "inner": 2048},
    "tiny": {"vocabulary": 300, "layers": 1, "width": 32, "heads": 2, "inner": 64},
}
# Beside the translators, by the end of a size's name: Mask-Predict of the same sizes, and BERTs
# that tell two classes apart, the students of specs/lightpaff_bert_sst2 and of LightPAFF.
FILLS, TELLS = "_mask_predict", "_classifier"
SIZES |= {f"{name}{FILLS}": SIZES[name] for name in ("multi30k_deen", "base", "tiny")}
SIZES |= {
    f"sst2{TELLS}": {"vocabulary": 8000, "layers": 2, "width": 128, "heads": 4, "inner": 512},
    f"lightpaff{TELLS}": {
        "vocabulary": 30_522,
        "layers": 3,
        "width": 768,
        "heads": 12,
        "inner": 3072,
    },
    f"tiny{TELLS}": SIZES["tiny"],
}
# Beside the translators, too: the same with a shortlist, as many pieces always and for each piece
# of a source, drawn at random: the longest lists that so many make. `browser` has the sizes of
# specs/browser_translator.
LISTED, PIECES_LISTED = "_shortlist", 100
SIZES["browser"] = {
    "vocabulary": 32_000,
    "layers": 6,
    "decoder_layers": 2,
    "width": 256,
    "heads": 4,
    "inner": 1024,
}
SIZES |= {f"{name}{LISTED}": SIZES[name] for name in ("multi30k_deen", "browser", "tiny")}
TRANSFORMERS = "transformers"
ENGINES = (OURS, "ctranslate2 float32", "ctranslate2 int8", TRANSFORMERS)


def engines_of(size: str) -> tuple[str, ...]:
    """Those that hold a size's model, tfkd's own SavedModel first."""
    if size.endswith(LISTED):
        return tuple(one for one in ENGINES if one != TRANSFORMERS)
    return engine_graph_models.ENGINES if size.endswith((FILLS, TELLS)) else ENGINES


def rows_of(size: str, tokens: int, count: int) -> list[list[int]]:
    """Sources of one length, as bare ids."""
    import numpy as np

    draw = np.random.default_rng(tokens)
    return draw.integers(len(SPECIALS), SIZES[size]["vocabulary"], (count, tokens)).tolist()


def write(size: str, folder: Path, ours_alone: bool = False) -> dict[str, Any]:
    """Writes one model for each engine, in a folder of its name; returns its parameters."""
    sizes, tokenizer = SIZES[size], tokenizer_of(SIZES[size]["vocabulary"])
    writer = _write_translator
    if size.endswith(FILLS):
        writer = engine_graph_models.write_filling
    elif size.endswith(TELLS):
        writer = engine_graph_models.write_classifier
    elif size.endswith(LISTED):
        sizes = {**sizes, "listed": PIECES_LISTED}
    model = writer(sizes, tokenizer, MAX_LENGTH, folder, ours_alone)
    return {"parameters": int(model.count_params())}


def _write_translator(
    sizes: dict[str, Any], tokenizer: Any, limit: int, folder: Path, ours_alone: bool
) -> Any:
    import numpy as np

    from tfkd.decoding import Shortlist, build_search
    from tfkd.models import Transformer
    from tfkd.models.published.marian import PublishedMarian
    from tfkd.models.published.saving import to_published, write_folder
    from tfkd.serving.export import write_version
    from tfkd.serving.formats.ctranslate2 import CTranslate2
    from tfkd.serving.formats.format import Subject
    from tfkd.serving.graphs.served_model import ServedModel
    from tfkd.spec.formats.ctranslate2 import CTranslate2Options

    decoder = sizes.get("decoder_layers", sizes["layers"])
    model = Transformer(
        sizes["vocabulary"], encoder_layers=sizes["layers"], decoder_layers=decoder,
        width=sizes["width"], heads=sizes["heads"], feed_forward=sizes["inner"],
        max_length=limit, norm_epsilon=1e-5, seed=1,
    )  # fmt: skip
    engine_graph_models.scattered(model.head)  # nothing ends before its length
    if "listed" in sizes:
        draw = np.random.default_rng(1)
        pieces = draw.integers(
            len(SPECIALS), sizes["vocabulary"], (sizes["vocabulary"] + 1, sizes["listed"])
        )
        model.shortlist = Shortlist(pieces[1:].astype(np.int32), pieces[0].astype(np.int32))
    both = {"source": tokenizer, "target": tokenizer}
    served = ServedModel(model, tokenizer, tokenizer, build_search(DECODE))
    write_version(served, folder / OURS, lambda part, final: ("", {}))
    if ours_alone:
        return model
    subject = Subject(model, both, DECODE, (), {"name": "translates"}, None)
    for quantize in ("float32", "int8"):
        options = CTranslate2Options(of="learn", format="ctranslate2", quantize=quantize)
        place = folder / f"ctranslate2 {quantize}"
        place.mkdir(parents=True)
        about = CTranslate2().files(subject, options, place)
        (place / "export.json").write_text(json.dumps(about))
    if "listed" in sizes:
        return model
    tensors = to_published(model, PublishedMarian)
    tensors["final_logits_bias"] = tensors["final_logits_bias"][None]
    write_folder(folder / TRANSFORMERS, tensors, marian(sizes))
    return model


def tokenizer_of(vocabulary: int) -> Any:
    """Whose words are pieces, each one id."""
    from tfkd.data.tokenizers import WordPiece

    words = [f"w{number}" for number in range(vocabulary - len(SPECIALS))]
    return WordPiece(SPECIALS + words, lower_case=False)


def marian(sizes: dict[str, int]) -> dict[str, Any]:
    """The configuration of the same model in transformers."""
    of_sides = {
        "encoder": sizes,
        "decoder": {**sizes, "layers": sizes.get("decoder_layers", sizes["layers"])},
    }
    sides = {
        f"{side}_{name}": of_sides[side][value]
        for side in ("encoder", "decoder")
        for name, value in (
            ("layers", "layers"),
            ("attention_heads", "heads"),
            ("ffn_dim", "inner"),
        )
    }
    return {
        "architectures": ["MarianMTModel"], "model_type": "marian", "d_model": sizes["width"],
        "vocab_size": sizes["vocabulary"], "decoder_vocab_size": sizes["vocabulary"], **sides,
        "max_position_embeddings": MAX_LENGTH, "activation_function": "relu", "dropout": 0.0,
        "scale_embedding": True, "is_encoder_decoder": True, "pad_token_id": 0,
        "decoder_start_token_id": START, "eos_token_id": END, "forced_eos_token_id": None,
    }  # fmt: skip


def bytes_of(folder: Path, engine: str) -> int:
    """Those of an engine's files that a server needs."""
    from tfkd.serving.graphs.ids_model import served_bytes

    if engine == OURS:
        return served_bytes(folder / engine / "1")
    return sum(path.stat().st_size for path in (folder / engine).rglob("*") if path.is_file())


# What answers: rows of ids without specials in; out come as many ids, or the name of a class.
Answer = Callable[[list[list[int]]], list[Any]]


def opened(folder: Path, engine: str) -> Answer:
    """An engine with its model; text in and text out but of transformers, which takes ids."""
    if engine == TRANSFORMERS:
        return _transformers(folder / engine)
    if engine == OURS:
        from tfkd.serving import load_saved_model

        model = load_saved_model(folder / engine, trust=True)
    elif engine in engine_graph_models.ENGINES:
        model = engine_graph_models.opened(folder, engine)
    else:
        from tfkd.serving.formats.ctranslate2 import CTranslate2

        about = json.loads((folder / engine / "export.json").read_text())
        model = CTranslate2().open(folder / engine, about)
    lacking = len(SPECIALS)

    def answer(rows: list[list[int]]) -> list[Any]:
        lines = [" ".join(f"w{one - lacking}" for one in row) for row in rows]
        texts = [one.text for one in model.translate(lines)]
        if texts[0] in engine_graph_models.CLASSES:
            return texts
        return [[int(word[1:]) + lacking for word in text.split()] for text in texts]

    return answer


def _transformers(folder: Path) -> Answer:
    import torch
    import transformers

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    model = transformers.MarianMTModel.from_pretrained(folder, local_files_only=True).eval()

    def answer(rows: list[list[int]]) -> list[list[int]]:
        length = len(rows[0])  # all are of one length here
        ids = torch.tensor([[*row, END] for row in rows])
        with torch.inference_mode():
            found = model.generate(
                input_ids=ids, attention_mask=torch.ones_like(ids), num_beams=DECODE["beam"],
                do_sample=False, max_new_tokens=length, min_new_tokens=length,
                length_penalty=DECODE["length_penalty"], early_stopping=False,
                suppress_tokens=[*range(len(SPECIALS))],
            )  # fmt: skip
        return [row[1 : length + 1] for row in found.tolist()]

    return answer


def serve(folder: Path, engine: str) -> None:
    """Answers JSON lists of rows of ids from standard input until it ends."""
    begun = time.perf_counter()
    answer = opened(folder, engine)
    print(json.dumps({"seconds": time.perf_counter() - begun}), flush=True)
    for line in sys.stdin:
        rows = json.loads(line)
        begun, worked = time.perf_counter(), time.process_time()
        found = answer(rows)
        said = {
            "seconds": time.perf_counter() - begun,
            "processor_seconds": time.process_time() - worked,
            "outputs": found,
            "peak_bytes": _peak(),
        }
        print(json.dumps(said), flush=True)


def _peak() -> int:
    """The most memory that the process has had, in bytes."""
    with open("/proc/self/status", encoding="ascii") as file:
        return 1024 * int(next(line for line in file if line.startswith("VmHWM:")).split()[1])
