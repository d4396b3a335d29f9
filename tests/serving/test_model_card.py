"""How a card says that its model is called: Python that parses, and a request that is JSON."""

import ast
import json
import re

import pytest

from tfkd.serving.model_card import whole_card

AWKWARD = 'a "quoted" back\\slash\tand 100 % of {braces}, ü'


@pytest.mark.parametrize(
    ("row", "instance"),
    [
        ({"text": AWKWARD}, AWKWARD),
        ({"text": AWKWARD, "text_b": "b"}, {"text": AWKWARD, "text_b": "b"}),
        ({"text": AWKWARD, "mark": 3}, {"text": AWKWARD, "mark": 3}),
        ({"text": "it's"}, "it’s"),  # the request stands between the shell's quotation marks
    ],
)
def test_the_example_is_the_row(row, instance):
    card = whole_card({"name": "m", "summary": "S"}, row, "answer", "What it does.\n", "ok.", "1")
    (request,) = re.findall(r"curl -d '([^']*)'", card)
    assert json.loads(request) == {"instances": [instance]}
    (program,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    (call,) = (
        node
        for node in ast.walk(ast.parse(program))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Subscript)
    )
    said = {key.arg: ast.literal_eval(key.value.args[0]) for key in call.keywords}
    assert said == {key: [instance[key] if isinstance(instance, dict) else instance] for key in row}
    assert card.index("## Use") < card.index("What it does.") < card.index("## Check")
