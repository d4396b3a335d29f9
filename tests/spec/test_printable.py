"""What is printed: no character that a terminal obeys, and no output that fails unseen."""

import errno
import os
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfkd.outside.outgoing import Outgoing, outgoing, unescaped
from tfkd.outside.printable import one_line, printable
from tfkd.spec.errors import SpecError

ATTACK = "\x1b]0;title\x07\x1b[2J\x9b1m\r\u202egnp.exe\u2028\x7f"


def obeyed(character):
    """By Unicode's own tables: controls, ends of lines, and what turns the reading order."""
    turns = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    return (
        unicodedata.category(character) in ("Cc", "Zl", "Zp")
        or unicodedata.bidirectional(character) in turns
    )


def test_each_character_that_is_obeyed_is_escaped_and_no_other():
    characters = [chr(code) for code in range(sys.maxunicode + 1)]
    escaped = {one: one.encode("unicode_escape").decode() for one in filter(obeyed, characters)}
    text = "".join(characters)
    assert one_line(text) == "".join(escaped.get(one, one) for one in characters)
    del escaped["\t"], escaped["\n"]
    assert printable(text) == "".join(escaped.get(one, one) for one in characters)


@given(st.text())
def test_what_is_printable_stays(text):
    assert printable(printable(text)) == printable(text)
    assert one_line(printable(text)) == one_line(text)


def test_all_that_is_printed_inside_is_printable(capsys):
    streams = sys.stdout, sys.stderr
    with outgoing():
        print(ATTACK)
        print(ATTACK, file=sys.stderr)
        print("\x1b[1m", end="", file=unescaped(sys.stdout))
    assert (sys.stdout, sys.stderr) == streams
    said = capsys.readouterr()
    assert said.out == f"{one_line(ATTACK)}\n\x1b[1m"
    assert said.err == f"{one_line(ATTACK)}\n"


def test_an_error_of_a_spec_is_one_line_whatever_it_names():
    error = SpecError("a\nb.yaml: valid\x1b[2K", 1, "stages.\u202e", "found 'x\ty'")
    assert str(error) == "a\\nb.yaml: valid\\x1b[2K:1: stages.\\u202e: found 'x\\ty'"


def test_a_full_disk_behind_the_output_is_named_and_told_once():
    with open("/dev/full", "w") as full:
        stream = Outgoing(full, "standard output")
        with pytest.raises(OSError, match="No space left on device: 'standard output'"):
            print("line", file=stream, flush=True)
        # What was left goes nowhere: Python's end does not fail by it.
    with open("/dev/full", "w") as full:
        print("line", file=Outgoing(full, "standard error"), flush=True)


def test_a_terminal_that_was_closed_ends_no_work():
    ours, theirs = os.openpty()
    with open(theirs, "w") as terminal:
        stream = Outgoing(terminal, "standard output")
        os.close(ours)
        for number in range(3):
            print(number, file=stream, flush=True)
    reader, writer = os.pipe()
    with open(writer, "w") as pipe:
        os.close(reader)
        with pytest.raises(BrokenPipeError) as caught:
            print("line", file=Outgoing(pipe, "standard output"), flush=True)
    assert caught.value.errno == errno.EPIPE
