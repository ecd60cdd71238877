"""What is wrong with a request's head though the parser takes it.

Servers in front of us may read such a head in another way, and then see other requests in the
same bytes than we do.
"""

from collections.abc import Sequence


def is_sound(*, method: bytes, is_1_1: bool, headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether the head can be read in one way only, and asks for nothing that we never are.

    One host (RFC 9112, 3.2); no coding but chunks, and those in HTTP/1.1 only (6.1); no tunnel.

    Args:
        is_1_1: The request's version is HTTP/1.1.
        headers: With names in lower case.
    """
    hosts = [value for name, value in headers if name == b"host"]
    codings = [value.strip().lower() for name, value in headers if name == b"transfer-encoding"]
    if method == b"CONNECT" or len(hosts) > 1:
        return False
    if not is_1_1:
        return not codings
    return len(hosts) == 1 and codings in ([], [b"chunked"])
