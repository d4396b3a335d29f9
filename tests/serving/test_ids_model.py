"""The SavedModel of ids: loaded by plain TensorFlow, and the same answers."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tfkd.data import WordPiece
from tfkd.serving import ExportRefusedError, load_saved_model
from tfkd.serving.classifier_export import _refuse_differences, rows_of_ids
from tfkd.serving.graphs.ids_model import served_bytes

pytestmark = pytest.mark.tensorflow
PLAIN = """
import json, sys
sys.modules["tensorflow_text"] = sys.modules["tfkd"] = None  # neither can be imported
import tensorflow as tf
loaded = tf.saved_model.load(sys.argv[1])
said = loaded.signatures["serving_default"](source_ids=tf.constant(json.loads(sys.argv[2])))
print(json.dumps({name: value.numpy().tolist() for name, value in said.items()}))
"""


@pytest.mark.long
def test_plain_tensorflow_loads_it_and_answers_as_the_strings_do(exported, tokenizer, sentences):
    folder = Path(exported[0]["folder"])
    theirs = WordPiece.load(folder / "ids" / "source")  # what lies there for others
    rows = theirs.encode(sentences[:9])
    ids = rows.dense(int(rows.lengths.max()), 0)
    done = subprocess.run(
        [sys.executable, "-c", PLAIN, str(folder / "ids"), json.dumps(ids.tolist())],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    said = json.loads(done.stdout)
    served = load_saved_model(folder).translate(sentences[:9])
    target = WordPiece.load(folder / "ids" / "target")
    found = [
        target.decode(row[:length])
        for row, length in zip(said["output_ids"], said["output_lengths"], strict=True)
    ]
    assert found == [one.text for one in served]
    np.testing.assert_allclose(said["scores"], [one.score for one in served], atol=1e-4)


def test_its_variables_are_those_of_the_strings(exported):
    folder = Path(exported[0]["folder"])
    names = [path.name for path in (folder / "variables").iterdir()]
    assert len(names) == 2
    for name in names:
        assert (folder / "variables" / name).samefile(folder / "ids" / "variables" / name)
    beside = [path for path in (folder / "ids").rglob("*") if path.is_file()]
    whole = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert served_bytes(folder) == whole - sum(path.stat().st_size for path in beside)


def test_a_mark_of_ids_is_the_piece_that_it_begins(tokenizer):
    rows = {"text": ["ba be bi", "ba"], "mark": [3, 0]}
    ba, be, bi = (tokenizer.encode([word]).row(0)[0] for word in ("ba", "be", "bi"))
    assert rows_of_ids(tokenizer, rows) == {
        "text_ids": [[ba, be, bi], [ba]],
        "mark_piece": [1, 0],
    }


def test_another_answer_to_ids_is_refused(tmp_path):
    same = {"labels": ["a"], "probabilities": [[0.7, 0.3]]}
    said = {**same, "classes": ["a", "b"], "alone": [], "by_ids": same}
    arguments = ({"text": ["x"]}, np.array([[0.7, 0.3]]), ["a", "b"])
    assert _refuse_differences(tmp_path, said, *arguments) < 1e-9
    said["by_ids"] = {**same, "probabilities": [[0.6, 0.4]]}
    with pytest.raises(ExportRefusedError, match="answers 1 of 1 rows otherwise"):
        _refuse_differences(tmp_path, said, *arguments)
