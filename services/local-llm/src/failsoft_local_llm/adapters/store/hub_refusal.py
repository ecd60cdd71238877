"""What the hub's refusals mean, and what to do about them."""

from huggingface_hub.errors import (
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from failsoft_local_llm.core.catalogue import Hub, Weights

_TOKENS = "https://huggingface.co/settings/tokens"
_FORBIDDEN = frozenset({401, 403})
_BAD_TOKEN = "Invalid credentials in Authorization header"  # noqa: S105 - the hub's own words


def refusal(error: HfHubHTTPError, weights: Weights, hub: Hub, *, url: str) -> str:
    """For the operator: what was refused, why, and the next step.

    Args:
        url: What was asked for. Not the one that answered, which may carry a signature.
    """
    answer = error.response
    match error:
        case RevisionNotFoundError():
            return f"{hub.repo} has no revision {hub.revision}: put another into the catalogue"
        case RemoteEntryNotFoundError():
            return f"{url} is not there: take it out of the catalogue, or name another revision"
    if answer.headers.get("x-error-message") == _BAD_TOKEN:
        return f"{url} does not know the token: make another at {_TOKENS}"
    if weights.licence.accept_at is not None and answer.status_code in _FORBIDDEN:
        return _licence_words(weights, weights.licence.accept_at, url=url)
    if isinstance(error, RepositoryNotFoundError):
        return f"{url} is not there, or only for those with a token that may read it: --token-file"
    return f"{url} answered {answer.status_code}"


def _licence_words(weights: Weights, accept_at: str, *, url: str) -> str:
    words = (
        f"{url} is given only to those who accepted its licence ({weights.licence.name}):"
        f" accept it at {accept_at}, make a token at {_TOKENS}, and name its file with --token-file"
    )
    if weights.ungated is None:
        return words
    return f"{words}; or take {weights.ungated}, which needs neither"
