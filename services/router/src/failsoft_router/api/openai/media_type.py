"""What a body has to be before it is read."""

from collections.abc import Mapping

from failsoft_kit.http.errors import MediaTypeUnsupported


def check_media_type(headers: Mapping[str, str]) -> None:
    """Let in what is JSON, or says nothing of itself.

    A browser sends other types to any site without asking it; it asks before it sends this one.
    What says nothing it sends unasked too, and with its Origin, which the port looks at.

    Raises:
        MediaTypeUnsupported: It says that it is something else, or is compressed.
    """
    kind = headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise MediaTypeUnsupported("the header content-type must be application/json")
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise MediaTypeUnsupported("the body must not be compressed")
