"""The list of ops that a stock server has."""

import tensorflow as tf
import tensorflow_text  # noqa: F401
from tensorflow.core.framework import op_def_pb2
from tensorflow.python.client import pywrap_tf_session

from tfkd.serving.graphs.server_ops import CALLS, KNOWN
from tfkd.serving.loading.stored_graph import read_graph, unknown_nodes


def registered():
    listed = op_def_pb2.OpList()
    listed.ParseFromString(pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList()))
    return {op.name: op for op in listed.op}


def test_every_known_op_exists():
    assert registered().keys() >= KNOWN


def test_those_that_call_functions_are_all_there():
    takes = {
        name
        for name, op in registered().items()
        if any(attribute.type in ("func", "list(func)") for attribute in op.attr)
    }
    assert takes & KNOWN == CALLS


def test_python_in_a_graph_is_found_also_in_a_function(tmp_path):
    module = tf.Module()

    def body(x):
        return tf.while_loop(
            lambda x: x < 3, lambda x: [tf.numpy_function(lambda y: y + 1, [x], tf.float32)], [x],
            shape_invariants=[tf.TensorShape(None)],
        )  # fmt: skip

    module.serve = tf.function(body, input_signature=[tf.TensorSpec([], tf.float32)])
    tf.saved_model.save(module, str(tmp_path))
    assert {node.op for node in unknown_nodes(read_graph(tmp_path))} == {"PyFunc"}
