"""The guide's program and service on CTranslate2: the card's own, and what it answers over HTTP."""

import json
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tfkd.data.tokenizers.lower_casing import LowerCasing
from tfkd.serving.formats.ctranslate2 import CTranslate2
from tfkd.serving.formats.ctranslate2_card import program
from tfkd.serving.formats.format import ABOUT, Subject
from tfkd.serving.formats.opening import open_exported
from tfkd.spec.formats.ctranslate2 import CTranslate2Options

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "serving.md"
REFUSE = "import sys\nfor n in ('tfkd', 'tensorflow', 'keras'): sys.modules[n] = None\n"


def blocks():
    found = re.findall(r"^```text\n(.*?)^```$", GUIDE.read_text("utf-8"), re.M | re.S)
    marks = ("import ctranslate2,", "import http.server")
    return [next(block for block in found if mark in block) for mark in marks]


def test_the_guide_s_program_is_the_card_s_of_lower_cased_word_pieces():
    said = {"kind": "wordpiece", "lower_case": True}
    about = {"tokenizers": {"source": said, "target": {**said, "detokenize": []}}, "prefix": []}
    answer, service = blocks()
    assert answer == program(about)
    assert len(service.strip().splitlines()) <= 22


@pytest.mark.long
@pytest.mark.tensorflow
def test_the_service_answers_as_the_export_does(tmp_path, build, tokenizer, sentences):
    pytest.importorskip("ctranslate2")
    both = {"source": LowerCasing(tokenizer), "target": tokenizer}
    decode = {"kind": "beam", "beam": 2, "max_length": 5, "length_penalty": 0.0}
    lines = [line for line in sentences if len(line) < 500]
    made = Subject(build(), both, decode, lines, {"name": "tiny"}, None)
    options = CTranslate2Options(of="learn", format="ctranslate2")
    CTranslate2().write(made, options, tmp_path / "model")
    about = json.loads((tmp_path / "model" / ABOUT).read_text("utf-8"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "answer.py").write_text(REFUSE + program(about), "utf-8")
    (tmp_path / "service.py").write_text(blocks()[1].replace("8500", str(port)), "utf-8")
    words = [sys.executable, str(tmp_path / "service.py"), str(tmp_path / "model")]
    served = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    try:
        expected = [one.text for one in open_exported(tmp_path / "model").translate(lines)]
        assert asked(port, {"lines": lines}) == (200, {"outputs": expected})
        for wrong in ({}, [], {"lines": [1]}, "x"):
            status, said = asked(port, wrong)
            assert (status, [*said]) == (400, ["error"])
    finally:
        served.kill()
        served.wait()


def asked(port, content):
    """The status and the content of the answer; waits until the service listens."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}", json.dumps(content).encode(), method="POST"
    )
    for _ in range(300):
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())
        except urllib.error.URLError:
            time.sleep(0.1)
    raise AssertionError("the service does not listen")
