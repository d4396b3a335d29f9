"""Code on README and docs: specs are valid, commands are ones that there are."""

import re
import shlex
from pathlib import Path

import pytest
from page_blocks import PAGES, ROOT, blocks, commands, written

from tfkd.cli_parser import build_parser
from tfkd.spec import validate_files
from tfkd.starters import starter_spec

KNOWN = {"yaml", "python", "bash", "json", "text"}
YAML = [block for block in blocks("yaml") if "plugin" not in block.said]
LINES = [(block, line) for block in blocks("bash") for line in commands(block)]


@pytest.mark.parametrize("block", YAML, ids=lambda block: block.name)
def test_specs_are_valid(block, tmp_path):
    assert [str(error) for error in validate_files([written(block, tmp_path)])] == []


def test_blocks_say_their_language():
    for page in PAGES:
        text = re.sub(
            r"<!-- results:begin.*?results:end -->", "", page.read_text("utf-8"), flags=re.S
        )
        fences = re.findall(r"^```(.*)$", text, re.M)
        assert {fence.split()[0] if fence else "" for fence in fences[::2]} <= KNOWN, page
        assert set(fences[1::2]) <= {""}, page


@pytest.mark.parametrize(("block", "line"), LINES, ids=lambda one: getattr(one, "name", None))
def test_commands_are_ones_that_there_are(block, line, capsys):
    for part in line.split(" | "):
        words = [word for word in shlex.split(part) if not re.match(r"[A-Z_]+=", word)]
        if words[0].startswith("tools/"):
            assert (ROOT / words[0]).is_file(), block.name
        elif words[0] == "tfkd":
            try:
                build_parser().parse_args(words[1:])
            except SystemExit:
                pytest.fail(f"{block.name}: {line}: {capsys.readouterr().err}")
        for word in words:
            if re.fullmatch(r"(specs|tests|tools)/\S+", word):
                assert (ROOT / word).is_file(), f"{block.name}: {word}"


def test_variants_that_commands_name_are_there():
    for block, line in LINES:
        named = re.search(r"tfkd run (\S+\.yaml).* --variant (\S+)", line)
        if named:
            path = ROOT / named[1]
            text = path.read_text("utf-8") if path.is_file() else starter_spec("de", "en")
            assert re.search(rf"^  {named[2]}:", text, re.M), f"{block.name}: {line}"


def test_files_that_are_included_are_there():
    """In the form of several lines: that of one line is an expression, which ruff would format."""
    included = [block for block in blocks("python", "yaml") if block.included]
    assert len(included) >= 6
    for block in included:
        path = block.text.strip().removeprefix("--8<--").removesuffix("--8<--").strip()
        assert (ROOT / path).is_file(), block.name
        assert block.title in (None, Path(path).name)
    assert not any("--8" in block.text for block in blocks("python") if not block.included)


def test_few_blocks_are_not_run():
    unrun = [block for block in blocks("yaml", "python", "bash") if "not run" in block.said]
    assert all(len(block.said["not run"]) > 15 for block in unrun)
    assert len(unrun) <= 12
    assert not any(block.language == "yaml" for block in unrun)


def test_modules_and_classes_that_pages_name_are_there():
    for page in PAGES:
        for name in sorted(set(re.findall(r"`(tfkd(?:\.\w+)+)`", page.read_text("utf-8")))):
            parts = name.split(".")
            if parts[:2] == ["tfkd", "plugins"]:  # the entry point group
                continue
            place = ROOT
            while parts and ((place / parts[0]).is_dir() or (place / f"{parts[0]}.py").is_file()):
                place = place / parts.pop(0)
            module = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
            assert len(parts) <= 1, f"{page.name}: {name}"
            assert not parts or re.search(rf"\b{parts[0]}\b", module.read_text()), name
