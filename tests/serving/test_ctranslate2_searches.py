"""Exports to CTranslate2 that read or search otherwise, and what is told without the engine."""

import sys
from dataclasses import replace

import pytest

from tfkd.data.tokenizers import WordPiece
from tfkd.serving import ExportRefusedError
from tfkd.serving.formats import ctranslate2 as module
from tfkd.serving.formats import ctranslate2_engine, held_words
from tfkd.serving.formats.ctranslate2 import CTranslate2
from tfkd.serving.formats.format import Subject
from tfkd.serving.formats.text_files import write_tokenizer
from tfkd.spec.errors import UserError
from tfkd.spec.formats.ctranslate2 import CTranslate2Options

pytestmark = pytest.mark.tensorflow
pytest.importorskip("ctranslate2")

OPTIONS = CTranslate2Options(of="learn", format="ctranslate2")
GREEDY = {"kind": "greedy", "max_length": 4}


def subject(model, tokenizer, lines, decode=GREEDY):
    both = {"source": tokenizer, "target": tokenizer}
    return Subject(model, both, decode, lines, {"name": "tiny"}, None)


OTHERS = [f"{a} {b}" for a in ("ga", "ge", "gi") for b in ("da", "de", "di")]


@pytest.fixture
def swapped(monkeypatch):
    """The exported tokenizer takes two pieces for each other."""

    def write(one, folder):
        order = {"ba": "be", "be": "ba"}
        return write_tokenizer(WordPiece([order.get(p, p) for p in one.vocabulary], False), folder)

    monkeypatch.setattr(module, "write_tokenizer", write)


def test_a_tokenizer_that_reads_lines_otherwise_is_refused(tmp_path, build, tokenizer, swapped):
    made = subject(build(), tokenizer, ["di ba", "be", *OTHERS])
    with pytest.raises(ExportRefusedError) as refused:
        CTranslate2().write(made, OPTIONS, tmp_path / "here" / "a")
    for said in ("2 of 11 lines otherwise", "'di ba':\n  export: di be\n  model:  di ba"):
        assert said in str(refused.value)
    assert list((tmp_path / "here").iterdir()) == []


@pytest.mark.long
def test_one_line_that_is_read_otherwise_is_left_out(tmp_path, build, tokenizer, swapped):
    made = subject(build(), tokenizer, ["ba", *OTHERS])
    check = CTranslate2().write(made, OPTIONS, tmp_path / "a")["check"]
    assert (check["lines"], check["tokenised_otherwise"]) == (9, 1)


def test_a_missing_package_is_told_with_what_installs_it(tmp_path, build, tokenizer, monkeypatch):
    for name in [one for one in sys.modules if one.partition(".")[0] == "ctranslate2"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "tfkd.serving.formats.ctranslate2_weights", raising=False)
    monkeypatch.setitem(sys.modules, "ctranslate2", None)
    with pytest.raises(UserError, match=r"pip install 'tfkd\[ctranslate2\]'"):
        CTranslate2().files(subject(build(), tokenizer, []), OPTIONS, tmp_path)


@pytest.mark.long
def test_a_search_that_finds_worse_outputs_is_refused(tmp_path, build, tokenizer, monkeypatch):
    def unclear(*given):
        rows, otherwise = found(*given)
        return [one._replace(expected=replace(one.expected, margin=0)) for one in rows], otherwise

    found = held_words._rows
    monkeypatch.setattr(held_words, "_rows", unclear)
    decode = {"kind": "beam", "beam": 3, "length_penalty": 1.4, "max_length": 8}
    made = subject(build(), tokenizer, OTHERS, decode)
    check = CTranslate2().write(made, OPTIONS, tmp_path / "a")["check"]
    assert (check["clear_cut"], check["worse_by"]) == (0, pytest.approx(0, abs=0.02))

    def worst(self, hypotheses):
        one = min(hypotheses, key=lambda one: self.score(one.total, one.pieces))
        return [ctranslate2_engine.Answer(one.pieces, 0.0, 0.0)]

    monkeypatch.setattr(ctranslate2_engine.CTranslate2Engine, "_ranked", worst)
    with pytest.raises(ExportRefusedError, match="by the model's own scores its outputs are"):
        CTranslate2().write(made, OPTIONS, tmp_path / "b")
    assert not (tmp_path / "b").exists()
