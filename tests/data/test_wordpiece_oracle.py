"""WordPiece beside the tokenizer of the transformers package."""

import os
from pathlib import Path

import pytest

from tfkd.data.tokenizers import WordPiece, read_vocabulary

pytestmark = pytest.mark.oracle
DATA = os.environ.get("TFKD_DATA")
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def assert_equal(pieces, path, lower_case, lines):
    transformers = pytest.importorskip("transformers")
    theirs = transformers.BertTokenizer(str(path), do_lower_case=lower_case)
    encoded = WordPiece(pieces, lower_case).encode(lines)
    for row, line in enumerate(lines):
        wanted = theirs.encode(line, add_special_tokens=False)
        assert encoded.row(row).tolist() == wanted, ascii(line)


@pytest.mark.parametrize("lower_case", [False, True])
def test_equal_on_written_text(tmp_path, lower_case):
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZäöüÄÖÜßéè.,-'?!$()中文字123"
    pieces = [*SPECIALS, *letters, *(f"##{c}" for c in letters if c.isalnum()), "Hund", "##hund"]
    (tmp_path / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    lines = ["Der Hund läuft, weil's regnet!", "Café (Straße 12)", "中文字abc", "Schäferhund $1.50"]
    assert_equal(pieces, tmp_path / "vocab.txt", lower_case, lines)


@pytest.mark.skipif(DATA is None, reason="TFKD_DATA is unset")
@pytest.mark.parametrize("lower_case", [False, True])
@pytest.mark.parametrize(
    ("vocabulary", "text"),
    [
        ("bert-base-uncased/vocab.txt", "multi30k/test_2016_flickr.de"),
        ("bert-base-uncased/vocab.txt", "multi30k/test_2016_flickr.en"),
        ("bert-base-chinese/vocab_reconstructed.txt", "g2pm_cpp/test.sent"),
    ],
)
def test_equal_on_real_text(vocabulary, text, lower_case):
    path = Path(DATA) / "vocabularies" / vocabulary
    lines = (Path(DATA) / text).read_bytes().decode().split("\n")[:1000]
    assert_equal(read_vocabulary(path), path, lower_case, lines)
