"""What GPT-2 cuts text into before bytes are merged: words, and the bytes of a word."""

import functools
from typing import Any


@functools.cache
def byte_alphabet() -> tuple[str, ...]:
    """The character that stands for each byte in a piece: itself where it can be seen and is no
    space, else the next from U+0100 on."""
    seen = {*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return tuple(chr(byte if byte in seen else next(others)) for byte in range(256))


@functools.cache
def character_classes() -> dict[str, str]:
    """Unicode's letters, numbers and white space as ranges for a regular expression's brackets.

    They are those of the package `regex`, which GPT-2's own encoder splits by. Libraries know
    different versions of Unicode: written out, every one of them splits alike.
    """
    import regex

    everything = "".join(chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000)
    found = {}
    for name, pattern in (("letters", r"\p{L}+"), ("numbers", r"\p{N}+"), ("spaces", r"\s+")):
        runs = [match.group() for match in regex.finditer(pattern, everything)]
        found[name] = "".join(rf"\x{{{ord(run[0]):x}}}-\x{{{ord(run[-1]):x}}}" for run in runs)
    return found


def word_pattern(*, after_spaces: str) -> str:
    """GPT-2's regular expression for what bytes are merged in.

    Args:
        after_spaces: What stands after a run of white space that is a word of its own.
    """
    classes = character_classes()
    letters, numbers, spaces = (classes[name] for name in ("letters", "numbers", "spaces"))
    return (
        rf"'s|'t|'re|'ve|'m|'ll|'d| ?[{letters}]+| ?[{numbers}]+"
        rf"| ?[^{spaces}{letters}{numbers}]+|{after_spaces}[{spaces}]+"
    )


def published_pattern(published: str, *, ahead: bool = True) -> str:
    """A published regular expression with the classes of characters written out.

    Args:
        published: With the classes of letters, numbers and white space by their names.
        ahead: Whether it may look ahead: RE2 cannot.
    """
    classes = character_classes()
    letters, numbers, spaces = (classes[name] for name in ("letters", "numbers", "spaces"))
    found = published if ahead else published.replace(r"\s+(?!\S)|", "")
    found = found.replace(r"[^\s\p{L}\p{N}]", f"[^{spaces}{letters}{numbers}]")
    found = found.replace(r"[^\r\n\p{L}\p{N}]", rf"[^\r\n{letters}{numbers}]")
    for name, ranges in ((r"\p{L}", letters), (r"\p{N}", numbers), (r"\s", spaces)):
        found = found.replace(name, f"[{ranges}]")
    return found.replace(r"\S", f"[^{spaces}]")


def splitter(published: str | None = None) -> Any:
    """What splits text into words, and words into bytes, for the package `tokenizers`.

    Args:
        published: A regular expression; None: GPT-2's.
    """
    from tokenizers import Regex, pre_tokenizers

    spaces = character_classes()["spaces"]
    pattern = word_pattern(after_spaces=f"[{spaces}]+(?![^{spaces}])|")
    pattern = pattern if published is None else published_pattern(published)
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
