"""Texts in another language than is said, by a model that is part of a package."""

from functools import cache
from typing import Any

from tfkd.data.filters.texts import Row
from tfkd.spec.errors import UserError
from tfkd.spec.options.filters import LanguageRuleOptions


class LanguageRule:
    """Drops a row where another language than l is likeliest of a text, argmax_k p(k | text) ≠ l,
    and p(k | text) ≥ sure. The identifier is py3langid (Lui and Baldwin, 2012, "langid.py"), naive
    Bayes on n-grams of bytes: a model of 4 MB that its package has in it, so nothing is downloaded.

    Raises:
        UserError: It knows no such language.
    """

    def __init__(self, options: LanguageRuleOptions):
        self._languages, self._sure = options.languages, options.sure
        self._among = None if options.among is None else tuple(sorted(options.among))
        known = set(_identifier(None).nb_classes)
        unknown = sorted({*self._languages.values(), *(self._among or ())} - known)
        if unknown:
            raise UserError(
                f"languages: the identifier does not know {', '.join(unknown)}. Expected codes of "
                f"{', '.join(sorted(known))}"
            )

    def drops(self, row: Row) -> bool:
        identifier = _identifier(self._among)
        for field, language in self._languages.items():
            found, probability = identifier.classify(row[field])
            if found != language and probability >= self._sure:
                return True
        return False


@cache
def _identifier(among: tuple[str, ...] | None) -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    found = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    found.set_languages(None if among is None else list(among))
    return found
