"""Which weights a name stands for."""

import difflib

from failsoft_local_llm.core.catalogue import Catalogue, Weights
from failsoft_local_llm.core.store.files import NotStored


def weights_named(catalogue: Catalogue, name: str) -> tuple[Weights, ...]:
    """The weights of that name, or all of the model of that name, the default first.

    Raises:
        NotStored: there are none; says what is near, and everything that is known.
    """
    if found := catalogue.named(name):
        return found
    near = difflib.get_close_matches(name.lower(), catalogue.names, n=1, cutoff=0.4)
    hint = f"; did you mean {near[0]}?" if near else "."
    raise NotStored(f"no model {name!r} is known{hint} Known are: {', '.join(catalogue.names)}")
