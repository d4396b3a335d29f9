"""Logits that transformers computed, for weights that a formula gives.

`python tests/models/bert_reference.py` writes `bert_reference.json` anew; it needs the extra
`oracle`. The tests read the file, so that they hold the model against transformers without it.
"""

import json
import zlib
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("bert_reference.json")
CONFIG = {
    "model_type": "bert",
    "vocab_size": 19,
    "hidden_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 20,
    "max_position_embeddings": 9,
    "type_vocab_size": 2,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-12,
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "pad_token_id": 0,
}
IDS = [[2, 7, 11, 3, 18, 5, 3], [2, 9, 3, 14, 3, 0, 0]]
TYPES = [[0, 0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 0, 0]]
VALID = [[1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 0, 0]]


def weight(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Returns the tensor of a published name: sines of large angles, 1 added to scales."""
    places = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)
    values = 0.6 * np.sin(12.9898 * places + zlib.crc32(name.encode()) % 1000)
    if name.endswith("LayerNorm.weight"):
        values = 1 + 0.3 * values
    return values.astype(np.float32)


def write_folder(folder: Path, tied: bool) -> None:
    """Writes the same weights as a published folder, without transformers."""
    from safetensors.numpy import save_file

    width, inner, size = (CONFIG[key] for key in ("hidden_size", "intermediate_size", "vocab_size"))
    shapes = {"bert.embeddings.word_embeddings.weight": (size, width)}
    shapes["bert.embeddings.position_embeddings.weight"] = (9, width)
    shapes["bert.embeddings.token_type_embeddings.weight"] = (2, width)
    norms, heads = ["bert.embeddings.LayerNorm"], "cls.predictions."
    dense = {f"{heads}transform.dense": (width, width)}
    norms.append(f"{heads}transform.LayerNorm")
    for number in range(CONFIG["num_hidden_layers"]):
        layer = f"bert.encoder.layer.{number}."
        for one in ("query", "key", "value"):
            dense[f"{layer}attention.self.{one}"] = (width, width)
        dense[f"{layer}attention.output.dense"] = (width, width)
        dense[f"{layer}intermediate.dense"] = (inner, width)
        dense[f"{layer}output.dense"] = (width, inner)
        norms += [f"{layer}attention.output.LayerNorm", f"{layer}output.LayerNorm"]
    for name, shape in dense.items():
        shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    for name in norms:
        shapes |= {f"{name}.weight": (width,), f"{name}.bias": (width,)}
    shapes[f"{heads}bias"] = (size,)
    if not tied:  # transformers then adds a bias of the decoder's own
        shapes |= {f"{heads}decoder.weight": (size, width), f"{heads}decoder.bias": (size,)}
    tensors = {name: weight(name, shape) for name, shape in shapes.items()}
    save_file(tensors, folder / "model.safetensors")
    config = {**CONFIG, "tie_word_embeddings": tied}
    (folder / "config.json").write_text(json.dumps(config))


def transformers_logits(tied: bool) -> np.ndarray:
    """Computes the logits `[2, 7, 19]` with transformers."""
    import torch
    from transformers import BertConfig, BertForMaskedLM

    model = BertForMaskedLM(BertConfig(**CONFIG, tie_word_embeddings=tied)).eval()
    with torch.no_grad():
        for name, value in model.named_parameters():
            value.copy_(torch.from_numpy(weight(name, tuple(value.shape))))
        outputs = model(
            input_ids=torch.tensor(IDS),
            token_type_ids=torch.tensor(TYPES),
            attention_mask=torch.tensor(VALID),
        )
    return outputs.logits.numpy()


def main() -> None:
    logits = {
        name: np.round(transformers_logits(tied).astype(float), 6).tolist()
        for name, tied in (("tied", True), ("untied", False))
    }
    FILE.write_text(json.dumps(logits, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
