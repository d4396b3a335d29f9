"""The model card's program of an export to CTranslate2, with each kind of tokenizer."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tfkd.data.tokenizers import SentencePiece, learn_byte_bpe
from tfkd.data.tokenizers.lower_casing import LowerCasing
from tfkd.data.tokenizers.sentence_piece import Style, learn_sentencepiece
from tfkd.models import Transformer
from tfkd.serving.formats.ctranslate2 import CTranslate2
from tfkd.serving.formats.ctranslate2_card import program
from tfkd.serving.formats.format import ABOUT, Subject
from tfkd.spec.formats.ctranslate2 import CTranslate2Options

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
from hostile_lines import SPELLED, hostile_strings

pytestmark = [pytest.mark.tensorflow, pytest.mark.long]
pytest.importorskip("ctranslate2")

LINES = ["Ein Hund läuft im Park.", "Zwei Männer spielen, und ein Kind sieht zu.", "``Ja'', é ﬁ"]
READ = [*LINES, "", "Über den Fluß führt eine Brücke 日", "ein  kind\tläuft", "e\u0301 ÄÖÜ"]

ASK = """
import json, sys
sys.path.insert(0, "")
from answer import answer
print(json.dumps([answer(line) for line in json.load(sys.stdin)]))
"""


def tokenizer_of(kind):
    if kind == "byte_bpe":
        return LowerCasing(learn_byte_bpe(LINES * 3, 300))
    style = Style(strip_accents=kind == "albert")
    return SentencePiece(learn_sentencepiece(LINES * 3, 60), kind == "albert", style)


@pytest.mark.parametrize("kind", ["sentencepiece", "albert", "byte_bpe"])
def test_it_answers_as_the_export_does(tmp_path, kind):
    tokenizer = tokenizer_of(kind)
    model = Transformer(
        tokenizer.size, encoder_layers=1, decoder_layers=1, width=16, heads=2, max_length=40, seed=3
    )
    rng, scale = np.random.default_rng(1), 0.8 if kind == "byte_bpe" else 0.4
    for weight in model.weights:
        weight.assign(weight.numpy() + scale * rng.normal(size=weight.shape))
    both, decode = dict.fromkeys(("source", "target"), tokenizer), {"kind": "greedy"}
    made = Subject(model, both, {**decode, "max_length": 8}, READ, {"name": "tiny"}, None)
    options = CTranslate2Options(of="learn", format="ctranslate2")
    result = CTranslate2().write(made, options, tmp_path / "a")
    assert result["check"]["tokenised_otherwise"] == 0
    refuse = "import sys\nfor n in ('tfkd', 'tensorflow', 'keras'): sys.modules[n] = None\n"
    # What people type may spell special pieces; and outputs may have no room.
    lines = [*READ, *SPELLED, *hostile_strings(60, 50)]
    lines = [line.encode("utf-8", "replace").decode("utf-8") for line in lines]
    for length in ({}, {"factor": 0.29, "plus": 0}, {"factor": 0.3, "plus": 0.1}):
        about = json.loads((tmp_path / "a" / ABOUT).read_text("utf-8"))
        about["search"]["max_length"] |= length
        (tmp_path / "a" / ABOUT).write_text(json.dumps(about), "utf-8")
        (tmp_path / "answer.py").write_text(refuse + program(about), "utf-8")
        done = subprocess.run(
            [sys.executable, "-c", ASK, tmp_path / "a"], cwd=tmp_path,
            input=json.dumps(lines), capture_output=True, text=True, check=True,
        )  # fmt: skip
        engine = CTranslate2().open(tmp_path / "a", about)
        expected = [one.text.replace("\n", " ") for one in engine.translate(lines)]
        assert len({*expected}) > 2
        assert json.loads(done.stdout) == expected
