"""Which files of tests the fast ring leaves out: what leads to TensorFlow is found without it."""

import pytest
from import_graph import imports_tensorflow


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import tensorflow as tf", True),
        ("from keras import layers", True),
        ("from tfkd.layers.attention import SelfAttention", True),
        ("from tfkd.layers import SelfAttention", True),  # imported when it is asked for
        ("from tfkd.pipeline.inputs import models", True),
        ("import beside", True),
        ("if True:\n    from beside import name", True),
        ("class A:\n    import tensorflow", True),
        ("from tfkd.spec import load_spec", False),
        ("from tfkd import cli", False),
        ("from tfkd.training import build_schedule", False),
        ("def late():\n    import tensorflow", False),
        ("if TYPE_CHECKING:\n    import tensorflow\nelse:\n    import json", False),
    ],
)
def test_what_is_loaded_with_a_file_is_found(tmp_path, text, expected):
    (tmp_path / "beside.py").write_text("import farther\n", "utf-8")
    (tmp_path / "farther.py").write_text("import json, tensorflow.data\nimport beside\n", "utf-8")
    path = tmp_path / "test_one.py"
    path.write_text(text, "utf-8")
    assert imports_tensorflow(path) == expected
