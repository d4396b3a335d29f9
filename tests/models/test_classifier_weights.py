"""A BERT with a head over classes: its parts, its counts, its configuration."""

from types import SimpleNamespace

import numpy as np

from tfkd.models import Bert, build_model
from tfkd.models.builder import CLASSES
from tfkd.models.weights import variables_by_path
from tfkd.spec.options import BertOptions

OPTIONS = BertOptions.model_validate(
    {"layers": 2, "width": 8, "heads": 2, "tokenizer": "t", "max_length": 16,
     "head": {"kind": "classifier", "dropout": 0.3}}
)  # fmt: skip
SIZES = {"t": SimpleNamespace(size=30), CLASSES: SimpleNamespace(size=5)}


def test_parts_and_counts_are_those_of_the_options():
    for heads, sizes in ((("classifier",), {"classes": 5}), (("masked_lm",), {}),
                         (("masked_lm", "classifier"), {"classes": 5, "words": True})):  # fmt: skip
        model = build_model(OPTIONS, SIZES, heads_needed=heads)
        counted = OPTIONS.part_parameters({"text": 30, **sizes})
        found = dict.fromkeys(counted, 0)
        for path, variable in variables_by_path(model).items():
            found[path.partition("/")[0]] += int(np.prod(variable.shape))
        assert found == counted
        assert set(found) <= set(OPTIONS.part_names)


def test_a_configuration_gives_the_same_model():
    model = build_model(OPTIONS, SIZES, heads_needed=("classifier",))
    twin = Bert.from_config(model.get_config())
    assert twin.heads["classifier"].dropout.rate == 0.3
    for path, variable in variables_by_path(model).items():
        assert np.array_equal(variable.numpy(), variables_by_path(twin)[path].numpy()), path
