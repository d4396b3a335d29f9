"""What the package imports: what setup.cfg asks for, and nothing of one operating system alone."""

import ast
import configparser
import re
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Of the standard library, what Windows lacks.
UNIX = {"fcntl", "grp", "pwd", "resource", "termios", "tty"}
# By the name that they are imported by, where it is another.
NAMES = {"pyyaml": "yaml"}
# Asked for and not imported: the name that Keras's language models are known by, whose package is
# keras-hub; and what tensorflow-datasets imports and does not ask for.
FOR_OTHERS = {"keras_nlp", "importlib_resources"}
# What comes with tensorflow, rouge-score and pydantic, whose own it is to choose versions of.
WITH_OTHERS = {"google", "ml_dtypes", "nltk", "pydantic_core"}

