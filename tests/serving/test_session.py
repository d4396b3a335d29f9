"""A SavedModel without TensorFlow's Python: the same answers, and no more trust than before."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tfkd.serving import load_saved_model
from tfkd.serving.checksums import write_checksums
from tfkd.serving.loading import c_api, protocol_buffers, session
from tfkd.serving.loading.session import session_signatures
from tfkd.serving.loading.signature import tensorflow_signatures
from tfkd.serving.loading.stored_graph import read_graph
from tfkd.spec.errors import UserError

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def copy(exported, tmp_path):
    """A version folder that a test may change."""
    return shutil.copytree(exported[0]["folder"], tmp_path / "1")


ALONE = """
import json, sys
from tfkd.serving import load_saved_model
lines = json.loads(sys.argv[2])
found = load_saved_model(sys.argv[1]).translate(lines)
print(json.dumps([sorted({"tensorflow", "keras"} & {*sys.modules}), found]))
"""


@pytest.mark.long
def test_answers_come_without_tensorflow_s_python_and_are_the_same(exported, sentences):
    folder = exported[0]["folder"]
    done = subprocess.run(
        [sys.executable, "-c", ALONE, folder, json.dumps(sentences)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    imported, found = json.loads(done.stdout)
    assert imported == []
    again = load_saved_model(folder).translate(sentences)
    assert [text for text, _ in found] == [text for text, _ in again]
    np.testing.assert_allclose([x for _, x in found], [x for _, x in again], atol=1e-5)


@pytest.mark.long
def test_every_signature_gives_what_tensorflow_gives(exported):
    folder = Path(exported[0]["folder"])
    ours, theirs = session_signatures(folder, read_graph(folder)), tensorflow_signatures(folder)
    assert ours.keys() == theirs.keys()
    given = {
        "serving_default": [
            {"text": [b"ba be", b"\xff\xfe \x00ba", b"", b"bi " * 99]},
            {"text": []},
        ],
        "ids": [{"source_ids": [[7, 8, 0], [9, 0, 0]]}, {"source_ids": np.zeros([0, 0])}],
    }
    for name, calls in given.items():
        assert ours[name].takes == theirs[name].takes
        assert ours[name].gives == theirs[name].gives
        for call in calls:
            one, other = ours[name](**call), theirs[name](**call)
            for key, value in one.items():
                assert value.dtype == other[key].dtype
                assert value.shape == other[key].shape
                if key == "scores":
                    np.testing.assert_allclose(value, other[key], atol=1e-5)
                else:
                    assert value.tolist() == other[key].tolist()


def test_a_graph_is_read_alike_without_tensorflow_s_python(exported):
    from tensorflow.core.protobuf import saved_model_pb2

    stored = (Path(exported[0]["folder"]) / "saved_model.pb").read_bytes()
    form = protocol_buffers._from_descriptors(
        protocol_buffers._SAVED_MODEL, "tensorflow.SavedModel"
    )
    said = (one.FromString(stored) for one in (form, saved_model_pb2.SavedModel))
    ours, theirs = (one.SerializeToString(deterministic=True) for one in said)
    assert ours == theirs


def test_a_damaged_graph_is_no_crash(copy):
    (copy / "variables" / "variables.index").write_bytes(b"nothing")
    with pytest.raises(RuntimeError, match="sstable"):
        session_signatures(copy, read_graph(copy))


def node(graph, name):
    return next(one for one in graph.graph_def.node if one.name == name.partition(":")[0])


def restoring(graph):
    name = node(graph, graph.saver_def.restore_op_name).attr["f"].func.name
    return next(f for f in graph.graph_def.library.function if f.signature.name == name)


def signature_stores(graph):
    graph.signature_def["serving_default"].outputs["scores"].name = graph.saver_def.save_tensor_name


def initializer_stores(graph):
    stores = graph.saver_def.save_tensor_name.partition(":")[0]
    name = graph.signature_def["__saved_model_init_op"].outputs["__saved_model_init_op"].name
    node(graph, name).input.append(f"^{stores}")


def listed_stores(graph):
    graph.collection_def["legacy_init_op"].node_list.value.append(graph.saver_def.save_tensor_name)


def restoring_stores(graph):
    node(graph, graph.saver_def.restore_op_name).attr["f"].func.name = (
        node(graph, graph.saver_def.save_tensor_name).attr["f"].func.name
    )


def restoring_writes(graph):
    restoring(graph).node_def.add(name="more", op="SaveV2").input.extend(["file_prefix"])


def another_file(graph):
    for one in restoring(graph).node_def:
        if one.op == "RestoreV2":
            one.input[0] = "RestoreV2/tensor_names:output:0"


def another_prefix(graph):
    node(graph, graph.saver_def.restore_op_name).input[0] = "Const"


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (signature_stores, "SaveV2 outside of the saver"),
        (initializer_stores, "SaveV2 outside of the saver"),
        (listed_stores, "SaveV2 outside of the saver"),
        (restoring_stores, "SaveV2 where variables are restored"),
        (restoring_writes, "SaveV2 where variables are restored"),
        (another_file, "RestoreV2 where variables are restored"),
        (another_prefix, "RestoreV2 outside of the saver"),
    ],
)
def test_what_a_session_runs_stores_nothing_and_restores_its_own_file(copy, edit, said):
    saved = read_graph(copy)
    edit(saved.meta_graphs[0])
    (copy / "saved_model.pb").write_bytes(saved.SerializeToString())
    write_checksums(copy)
    with pytest.raises(UserError, match=said):
        load_saved_model(copy)


def test_a_tensor_has_the_values_of_an_array_that_lies_otherwise_in_memory():
    values = np.arange(200_000, dtype=np.int64).reshape(2, -1).T
    made = c_api.tensor(values)
    np.testing.assert_array_equal(c_api.array(made), values)
    c_api.delete(made)


def test_a_node_s_name_ends_where_it_ends():
    with pytest.raises(c_api.TensorFlowError, match=r"no node 'save\\x00x'"):
        session._Session.__new__(session._Session)._output("save\0x:0")
