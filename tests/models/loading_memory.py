"""Memory that a load takes: written folders, and a process that reads them and measures itself.

    python loading_memory.py python|stage FOLDER...

loads each of the folders, or runs a spec's load stage of each, and prints a line of JSON for each:
the bytes of memory that were taken before it, at most in it, and the bytes of the weights as they
are loaded. The first folder should be a tiny one: what is made once a process is made then.
"""

import json
import math
import sys
from pathlib import Path

import numpy as np

from tfkd.models.safetensors_files import Tensor, write_tensors

_BERT = {"model_type": "bert", "architectures": ["BertForMaskedLM"], "type_vocab_size": 2,
         "max_position_embeddings": 256, "hidden_act": "gelu"}  # fmt: skip
_LLAMA = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_act": "silu",
          "tie_word_embeddings": True, "rms_norm_eps": 1e-5,
          "max_position_embeddings": 256}  # fmt: skip
SPEC = """
tfkd: 1
name: memory
data: {{train: {{text: text.txt}}}}
tokenizers: {{pieces: {{kind: {tokenizer}, preset: checkpoint}}}}
teacher: {{{teacher}, tokenizer: pieces}}
views: {{mlm: {{kind: mlm}}}}
stages:
  checkpoint: {{load: checkpoint, into: teacher{precision}}}
  learn: {{train: teacher, from: checkpoint, data: train, steps: 1, objective: {{{term}}}}}
evaluate: [{{of: learn, on: [train], metrics: [loss]}}]
"""


def sized(layers, width, inner, vocabulary):
    """Options of `config.json`."""
    return {"num_hidden_layers": layers, "hidden_size": width, "intermediate_size": inner,
            "num_attention_heads": 4, "vocab_size": vocabulary}  # fmt: skip


def _bert_shapes(config):
    width, inner = config["hidden_size"], config["intermediate_size"]
    shapes = {"bert.embeddings.word_embeddings.weight": (config["vocab_size"], width),
              "bert.embeddings.position_embeddings.weight": (256, width),
              "bert.embeddings.token_type_embeddings.weight": (2, width),
              "cls.predictions.transform.dense.weight": (width, width),
              "cls.predictions.transform.dense.bias": (width,),
              "cls.predictions.bias": (config["vocab_size"],)}  # fmt: skip
    norms = ["bert.embeddings.LayerNorm", "cls.predictions.transform.LayerNorm"]
    for number in range(config["num_hidden_layers"]):
        layer = f"bert.encoder.layer.{number}."
        norms += [f"{layer}attention.output.LayerNorm", f"{layer}output.LayerNorm"]
        parts = {f"attention.self.{one}": (width, width) for one in ("query", "key", "value")}
        parts |= {"attention.output.dense": (width, width), "output.dense": (width, inner),
                  "intermediate.dense": (inner, width)}  # fmt: skip
        for name, shape in parts.items():
            shapes |= {f"{layer}{name}.weight": shape, f"{layer}{name}.bias": shape[:1]}
    return shapes | {f"{one}.{end}": (width,) for one in norms for end in ("weight", "bias")}


def _llama_shapes(config):
    width, inner = config["hidden_size"], config["intermediate_size"]
    shapes = {"model.embed_tokens.weight": (config["vocab_size"], width),
              "model.norm.weight": (width,)}  # fmt: skip
    for number in range(config["num_hidden_layers"]):
        layer = f"model.layers.{number}."
        for name in "qkvo":
            shapes[f"{layer}self_attn.{name}_proj.weight"] = (width, width)
        for name in ("gate", "up"):
            shapes[f"{layer}mlp.{name}_proj.weight"] = (inner, width)
        shapes[f"{layer}mlp.down_proj.weight"] = (width, inner)
        for name in ("input_layernorm", "post_attention_layernorm"):
            shapes[f"{layer}{name}.weight"] = (width,)
    return shapes


def write_folder(folder, kind, **sizes):
    """A published BERT in float32, or a Llama in bfloat16, of random numbers; no tokenizer."""
    folder.mkdir(parents=True)
    base, shapes_of = (_BERT, _bert_shapes) if kind == "bert" else (_LLAMA, _llama_shapes)
    config = {**base, **sized(**sizes)}
    (folder / "config.json").write_text(json.dumps(config))
    numbers = np.random.default_rng(1).normal(0, 0.02, 4099).astype(np.float32)
    dtype, name = (np.float32, "F32") if kind == "bert" else ("bfloat16", "BF16")
    tensors = {
        one: Tensor(name, shape, lambda shape=shape: [np.resize(numbers.astype(dtype), shape)])
        for one, shape in shapes_of(config).items()
    }
    write_tensors(folder / "model.safetensors", tensors, {"format": "pt"})
    return sum(math.prod(shape) for shape in shapes_of(config).values())


def write_spec(folder):
    """A spec with a load stage of `folder / "checkpoint"`; the folder gets its tokenizer."""
    checkpoint = folder / "checkpoint"
    config = json.loads((checkpoint / "config.json").read_text())
    (folder / "text.txt").write_text("a b c\n" * 8)
    options = {"layers": "num_hidden_layers", "width": "hidden_size",
               "feed_forward": "intermediate_size", "heads": "num_attention_heads",
               "max_length": "max_position_embeddings"}  # fmt: skip
    teacher = ", ".join(f"{ours}: {config[theirs]}" for ours, theirs in options.items())
    if config["model_type"] == "bert":
        pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        pieces += [f"p{number}" for number in range(len(pieces), config["vocab_size"])]
        (checkpoint / "vocab.txt").write_text("\n".join(pieces) + "\n")
        filled = SPEC.format(
            tokenizer="wordpiece", teacher=f"kind: bert, {teacher}", precision="",
            term="masked_lm: {view: mlm}",
        )  # fmt: skip
    else:
        from tfkd.data.tokenizers.byte_bpe import learn_byte_bpe, write_published

        write_published(learn_byte_bpe(["a b c"], config["vocab_size"]), checkpoint)
        filled = SPEC.format(
            tokenizer="byte_bpe", teacher=f"kind: llama, norm_epsilon: 1e-5, {teacher}",
            precision=", precision: bfloat16", term="causal_lm: {}",
        )  # fmt: skip
    (folder / "spec.yaml").write_text(filled)


def _bytes(key):
    """What the kernel says of this process: VmRSS, taken now, or VmHWM, at most so far."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return 1024 * int(line.split()[1])
    raise KeyError(key)


def _loaded(folder):
    from tfkd.models.published.architecture import MASKED_LM
    from tfkd.models.published.architectures import open_published
    from tfkd.models.published.loading import load_model

    published = open_published(folder)
    bert = published.kind == "bert"
    kept = load_model(
        published, (MASKED_LM,) if bert else (), dtype="float32" if bert else "bfloat16"
    )
    assert kept.count_params()


def _run(folder):
    from tfkd import cli

    write_spec(folder.parent)
    place = str(folder.parent)
    words = ["run", f"{place}/spec.yaml", "--until", "checkpoint", "--data-dir", place]
    assert cli.main([*words, "--runs-dir", f"{place}/runs"]) == cli.DONE


if __name__ == "__main__":
    for each in map(Path, sys.argv[2:]):
        size = (each / "model.safetensors").stat().st_size
        before = _bytes("VmRSS")
        {"python": _loaded, "stage": _run}[sys.argv[1]](each)
        print(json.dumps({"before": before, "most": _bytes("VmHWM"), "weights": size}), flush=True)
