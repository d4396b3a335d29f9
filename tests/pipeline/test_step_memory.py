"""The memory that `tfkd plan` states is what a step takes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.tensorflow
SCRIPT = Path(__file__).parent / "step_memory.py"

BERT = {"kind": "bert", "layers": 4, "width": 256, "heads": 4, "max_length": 256}
PAIR = {
    "kind": "transformer", "encoder_layers": 3, "decoder_layers": 3, "width": 256, "heads": 4,
    "norm": "pre",
}  # fmt: skip
RNN = {"kind": "rnn", "layers": 2, "width": 256, "dropout": 0.2}
ON_CORES = {"streams": 2, "fused": True}
TAUGHT = {"taught": BERT, "model": PAIR, "tokens": 8192, "longest": 32}
T5 = {
    "kind": "t5", "encoder_layers": 3, "decoder_layers": 3, "width": 256, "heads": 4,
}  # fmt: skip
BIG = {
    "kind": "transformer", "encoder_layers": 6, "decoder_layers": 6, "width": 512, "heads": 8,
}  # fmt: skip
LARGER = {"taught": BIG, "model": PAIR, "tokens": 8192, "longest": 32}
FILLS = {
    "model": {
        "kind": "abnet", "berts": {"kind": "bert", "layers": 4, "width": 256, "heads": 4},
        "encoder": {"kind": "bottleneck", "width": 512},
        "decoder": {"kind": "cross_attention", "heads": 4, "feed_forward": 512},
    },
    "predicted": 0.5, "tokens": 8192, "longest": 32,
}  # fmt: skip
ALONE = {"trainable": ["adapters", "lengths"]}
CASES = {
    "bert_plain": {"model": BERT, "precision": "float32", "tokens": 4096, "longest": 64,
                   "predicted": 0.15},
    "pair_on_cores": {"model": PAIR, "precision": "bfloat16", "tokens": 8192, "longest": 32}
    | ON_CORES,
    "rnn_plain": {"model": RNN, "precision": "float32", "tokens": 8192, "longest": 32},
    "rnn_on_cores": {"model": RNN, "precision": "bfloat16", "tokens": 16384, "longest": 32}
    | ON_CORES,
    "rnn_of_opennmts_sizes": {"model": RNN | {"width": 500, "bidirectional": False},
                              "precision": "float32", "tokens": 4096, "longest": 64},
    "rnn_of_four_layers": {"model": RNN | {"layers": 4}, "precision": "bfloat16",
                           "tokens": 16384, "longest": 16},
    "taught_on_cores": TAUGHT | {"precision": "bfloat16"} | ON_CORES,
    "taught_plain": TAUGHT | {"precision": "float32"},
    "larger_on_cores": LARGER | {"precision": "bfloat16"} | ON_CORES,
    "larger_plain": LARGER | {"precision": "float32"},
    "larger_long": LARGER | {"precision": "bfloat16", "tokens": 16384, "longest": 128} | ON_CORES,
    "segments": LARGER | {"precision": "float32", "written": 0.5},
    "segments_on_cores": LARGER | {"precision": "bfloat16", "written": 0.5} | ON_CORES,
    "adapters_alone": FILLS | ALONE | {"precision": "float32"},
    "adapters_alone_on_cores": FILLS | ALONE | {"precision": "bfloat16"} | ON_CORES,
    "adapters_and_all": FILLS | {"precision": "bfloat16"} | ON_CORES,
    "adapters_and_all_plain": FILLS | {"precision": "float32"},
    "pair_plain": {"model": PAIR, "precision": "float32", "tokens": 4096, "longest": 24},
    "pair_plain_low": {"model": PAIR, "precision": "bfloat16", "tokens": 4096, "longest": 24},
    "pair_large": {"model": PAIR, "precision": "bfloat16", "tokens": 16384, "longest": 128}
    | ON_CORES,
    "pair_vocabulary": {"model": PAIR, "precision": "float32", "tokens": 4096, "longest": 24,
                        "vocabulary": 30000} | ON_CORES,
    "pair_parts": {"model": PAIR, "precision": "bfloat16", "tokens": 2048, "longest": 32,
                   "micro": 4} | ON_CORES,
    "pair_wide": {"model": PAIR | {"width": 512, "heads": 8}, "precision": "float32",
                  "tokens": 2048, "longest": 32},
    "t5_plain": {"model": T5, "precision": "float32", "tokens": 4096, "longest": 24},
    "t5_gated_on_cores": {"model": T5 | {"gated": True, "activation": "gelu_tanh", "output": "own"},
                          "precision": "bfloat16", "tokens": 8192, "longest": 32} | ON_CORES,
    "t5_long": {"model": T5, "precision": "bfloat16", "tokens": 8192, "longest": 128},
    "bert_on_cores": {"model": BERT, "precision": "bfloat16", "tokens": 8192, "longest": 64,
                      "predicted": 0.15} | ON_CORES,
    "bert_without_dropout": {"model": BERT | {"dropout": 0.0}, "precision": "float32",
                             "tokens": 4096, "longest": 128, "predicted": 0.15},
}  # fmt: skip


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_peak_of_a_step_is_within_the_prediction(case):
    done = subprocess.run(
        [sys.executable, str(SCRIPT), json.dumps(case)],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert 1 / 1.3 < found["measured"] / found["predicted"] < 1.3, found
