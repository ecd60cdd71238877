"""A look-alike of an LLM provider that fails on command.

It speaks a provider's wire format over real sockets with encoders of its own:
nothing is shared with the router's codec, so that it can find its mistakes.

    python -m failsoft_upstream --port 50070

    async with running() as upstream:
        await upstream.set_fault(faults.Status(status=503))
        ... call upstream.base_url ...
"""

from failsoft_upstream.answer import Style
from failsoft_upstream.options import Options
from failsoft_upstream.server import running, serve
from failsoft_upstream.upstream import Upstream

__all__ = ["Options", "Style", "Upstream", "running", "serve"]
