"""Which SavedModels are loaded: those whose graphs can do no more than a text model's."""

import shutil
import sys

import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tfkd import cli
from tfkd.data.checksummed import read_checksummed, write_checksummed
from tfkd.serving import ExportRefusedError, load_saved_model
from tfkd.serving.checksums import CHECKSUMS, write_checksums
from tfkd.serving.export import write_version
from tfkd.serving.loading.stored_graph import read_graph, unknown_nodes
from tfkd.spec.errors import UserError

TEXT = [tf.TensorSpec([None], tf.string, name="text")]
SAVER = "__inference__traced_save"


class Echo(tf.Module):
    """Says what it is told, after `act`."""

    def __init__(self, act=tf.no_op):
        super().__init__()
        self.variable = tf.Variable(1.0)

        def serve(text):
            with tf.control_dependencies([act()]):
                return {"outputs": text, "scores": self.variable * tf.zeros(tf.shape(text))}

        self.serve = tf.function(serve, input_signature=TEXT, autograph=False)
        self.weights = [self.variable]

    def signatures(self):
        return {"serving_default": self.serve}


class WritesWhenLoaded(tf.saved_model.experimental.TrackableResource):
    """A resource whose initializer writes a file."""

    def __init__(self, path):
        super().__init__()
        self._path = str(path)

    def _create_resource(self):
        return tf.raw_ops.MutableHashTableV2(key_dtype=tf.string, value_dtype=tf.int64)

    def _initialize(self):
        tf.io.write_file(self._path, "x")


def put(folder, module):
    """Saves a module as whoever wants to be taken for tfkd would: with a card and checksums."""
    tf.saved_model.save(module, str(folder), signatures=module.signatures())
    (folder / "README.md").write_text("# echo\n")
    write_checksums(folder)
    return folder


def change(folder, edit):
    """Edits a SavedModel's graph, and its checksum."""
    saved = read_graph(folder)
    edit(saved.meta_graphs[0])
    (folder / "saved_model.pb").write_bytes(saved.SerializeToString())
    write_checksums(folder)


@pytest.fixture(scope="module")
def echo(tmp_path_factory):
    return put(tmp_path_factory.mktemp("echo") / "1", Echo())


@pytest.fixture
def copy(echo, tmp_path):
    """One that a test may change."""
    return shutil.copytree(echo, tmp_path / "copy")


def in_a_loop(path):
    def body(number):
        with tf.control_dependencies([tf.io.write_file(path, "x")]):
            return [number + 1]

    return tf.while_loop(lambda number: number < 1, body, [0])[0]


ACTS = {
    "WriteFile": lambda path: tf.io.write_file(path, "x"),
    "WriteFile (node while/": in_a_loop,
    "PrintV2 to a file": lambda path: tf.print("x", output_stream=f"file://{path}"),
    "SaveV2 outside of the saver": lambda path: tf.raw_ops.SaveV2(
        prefix=path, tensor_names=["a"], shape_and_slices=[""], tensors=[tf.zeros([])]
    ),
}


@pytest.mark.parametrize("said", ACTS)
def test_a_graph_that_writes_files_is_not_run(tmp_path, said):
    path = tmp_path / "written"
    folder = put(tmp_path / "1", Echo(lambda: ACTS[said](str(path))))
    with pytest.raises(UserError) as refused:
        load_saved_model(folder).translate(["a"])
    assert said in str(refused.value)
    assert "in function" in str(refused.value)
    assert "--trust" in str(refused.value)
    assert not list(tmp_path.glob("written*"))
    assert load_saved_model(folder, trust=True).translate(["a"])[0].text == "a"
    assert list(tmp_path.glob("written*"))


def test_an_initializer_that_writes_files_is_not_run(tmp_path):
    module = Echo()
    module.resource = WritesWhenLoaded(tmp_path / "written")
    folder = put(tmp_path / "1", module)
    with pytest.raises(UserError, match=r"WriteFile \(node .* in function __inference__initial"):
        load_saved_model(folder)
    assert not (tmp_path / "written").exists()
    load_saved_model(folder, trust=True)
    assert (tmp_path / "written").exists()


def test_what_only_prints_and_stores_variables_is_run(tmp_path):
    folder = put(tmp_path / "1", Echo(lambda: tf.print("said", output_stream=sys.stdout)))
    assert not unknown_nodes(read_graph(folder))
    assert load_saved_model(folder).translate(["a"])[0].text == "a"


def saver_of(graph):
    (name,) = (f.signature.name for f in graph.graph_def.library.function
               if f.signature.name.startswith(SAVER))  # fmt: skip
    return name


def signature_saves(graph):
    for function in graph.graph_def.library.function:
        for node in function.node_def:
            if node.op == "StatefulPartitionedCall":
                node.attr["f"].func.name = saver_of(graph)


def object_saves(graph):
    graph.object_graph_def.concrete_functions[saver_of(graph)].SetInParent()


def stands_in(graph):
    for function in graph.graph_def.library.function:
        function.attr["api_implements"].s = b"same"


@pytest.mark.parametrize("edit", [signature_saves, object_saves, stands_in])
def test_the_savers_functions_are_the_savers_alone(copy, edit):
    change(copy, edit)
    with pytest.raises(UserError, match=rf"SaveV2 outside of the saver \(node .* {SAVER}"):
        load_saved_model(copy)


def test_functions_that_are_not_there_are_not_called(copy):
    """TensorFlow might take the name for an op's."""

    def edit(graph):
        node = next(n for f in graph.graph_def.library.function for n in f.node_def
                    if n.op == "StatefulPartitionedCall")  # fmt: skip
        node.attr["f"].func.name = "WriteFile"

    change(copy, edit)
    with pytest.raises(UserError, match="StatefulPartitionedCall of a function that is not there"):
        load_saved_model(copy)


def test_no_function_passes_for_a_known_op(copy):
    """TensorFlow looks among a graph's functions before its own ops."""

    def edit(graph):
        saver, library = saver_of(graph), graph.graph_def.library.function
        for node in graph.graph_def.node:
            if node.attr["f"].func.name == saver:
                node.attr["f"].func.name = "Rsqrt"
        for function in library:
            if function.signature.name == saver:
                function.signature.name = "Rsqrt"
            else:
                function.node_def.add(name="stored", op="Rsqrt")

    change(copy, edit)
    with pytest.raises(UserError, match="Rsqrt that is a function's name, too \\(node stored"):
        load_saved_model(copy)


def test_what_tensorflow_would_read_of_other_forms_is_refused(copy):
    def twice(graph):
        saved = saved_model_pb2.SavedModel(meta_graphs=[graph, graph])
        (copy / "saved_model.pb").write_bytes(saved.SerializeToString())

    whole = (copy / "saved_model.pb").read_bytes()
    twice(read_graph(copy).meta_graphs[0])
    write_checksums(copy)
    with pytest.raises(UserError, match="no graph with its objects"):
        load_saved_model(copy)
    (copy / "saved_model.pb").write_bytes(whole)
    change(copy, lambda graph: graph.asset_file_def.add(filename="../../secret"))
    with pytest.raises(UserError, match="an asset outside"):
        load_saved_model(copy)
    (copy / "saved_model.pb").write_bytes(whole)
    (copy / "saved_model.pbtxt").write_text("")
    write_checksums(copy)
    with pytest.raises(UserError, match=r"saved_model\.pbtxt stands beside"):
        load_saved_model(copy)


def test_a_folder_is_whole_and_its_own(copy, tmp_path):
    index = copy / "variables" / "variables.index"
    whole = index.read_bytes()
    index.unlink()
    (tmp_path / "elsewhere").write_bytes(whole)
    index.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=r"variables\.index is a link that leads out.*--trust"):
        load_saved_model(copy)
    index.unlink()
    index.write_bytes(whole)
    (copy / "assets" / "more").write_text("x")
    with pytest.raises(UserError, match=r"more is not among the files of checksums\.json"):
        load_saved_model(copy)
    write_checksums(copy)
    load_saved_model(copy)
    (copy / "assets" / "more").write_text("y")
    for trust in (False, True):
        with pytest.raises(UserError, match="more has other bytes than were written"):
            load_saved_model(copy, trust=trust)
    content = read_checksummed(copy / CHECKSUMS)
    write_checksummed(copy / CHECKSUMS, {"files": {**content["files"], "../../secret": "0"}})
    with pytest.raises(UserError, match=r"checksums\.json is damaged .*not in this folder"):
        load_saved_model(copy)


@pytest.mark.parametrize("name", ["README.md", CHECKSUMS])
def test_the_verbs_take_a_strangers_model_where_they_are_told_to(copy, name, tmp_path, capsys):
    (copy / name).unlink()
    (tmp_path / "lines").write_text("a\nb\n")
    for verb in (["generate", str(copy)], ["bench", str(copy), "--rounds", "1"]):
        words = [*verb, "--input", str(tmp_path / "lines")]
        assert cli.main(words) == cli.WRONG_INPUT
        said = capsys.readouterr().err
        assert name in said
        assert "--trust" in said
        if name == "README.md":  # which the checksums are of
            write_checksums(copy)
        assert cli.main([*words, "--trust"]) == cli.DONE
    assert "2 lines" in capsys.readouterr().out


def test_an_export_says_which_ops_need_trust(tmp_path):
    module = Echo(lambda: tf.linalg.cholesky(tf.eye(2)))

    def checked(part, final):
        return "# echo\n", {}

    with pytest.raises(ExportRefusedError, match=r"Cholesky \(node Cholesky in function"):
        write_version(module, tmp_path, checked)
    made = write_version(module, tmp_path, checked, more_ops=None)
    assert made["more_ops"] == ["Cholesky"]
    assert "Cholesky: `tfkd generate`" in (tmp_path / "1" / "README.md").read_text("utf-8")
    with pytest.raises(UserError, match="Cholesky"):
        load_saved_model(tmp_path)
    load_saved_model(tmp_path, trust=True)
    assert write_version(Echo(), tmp_path, checked)["more_ops"] == []
