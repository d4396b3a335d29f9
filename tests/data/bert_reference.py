"""BERT's tokenizer, written again from its description for the tests to hold ours against.

Basic tokenization: drop control characters, U+0000 and U+FFFD; put spaces around Chinese
characters; split at white space; lower-case and take off accents (uncased); split at each
punctuation mark. Then, for each word, the longest piece that matches, again and again.
"""

import unicodedata

CHINESE = [
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
]  # fmt: skip


def is_space(character):
    return character in " \t\n\r" or unicodedata.category(character) == "Zs"


def is_dropped(character):
    if character in "\t\n\r":
        return False
    return ord(character) in (0, 0xFFFD) or unicodedata.category(character).startswith("C")


def is_punctuation(character):
    code = ord(character)
    ascii_marks = 33 <= code <= 47 or 58 <= code <= 64 or 91 <= code <= 96 or 123 <= code <= 126
    return ascii_marks or unicodedata.category(character).startswith("P")


def words(text, lower_case):
    cleaned = ""
    for character in text:
        if is_dropped(character):
            continue
        if any(first <= ord(character) <= last for first, last in CHINESE):
            cleaned += f" {character} "
        else:
            cleaned += " " if is_space(character) else character
    found = []
    for word in cleaned.split():
        if lower_case:
            word = unicodedata.normalize("NFD", word.lower())
            word = "".join(c for c in word if unicodedata.category(c) != "Mn")
        marked = "".join(f" {c} " if is_punctuation(c) else c for c in word)
        found += marked.split()
    return found


def pieces_of(word, vocabulary, longest=100):
    if len(word) > longest:
        return ["[UNK]"]
    found, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = ("##" if start else "") + word[start:end]
            if piece in vocabulary:
                break
        else:
            return ["[UNK]"]
        found.append(piece)
        start = end
    return found


def tokenize(text, vocabulary, lower_case):
    """Pieces of a text; `vocabulary` is a set."""
    return [piece for word in words(text, lower_case) for piece in pieces_of(word, vocabulary)]
