"""A look-alike that is running: its state and its commands."""

import asyncio
from collections.abc import Iterable, Mapping

from failsoft_upstream.dialect import Backstage
from failsoft_upstream.faults import Fault, Refuse
from failsoft_upstream.listener import Listener
from failsoft_upstream.meter import Meter
from failsoft_upstream.received import Inbox
from failsoft_upstream.script import Script, Then


class Upstream:
    """A look-alike that is running. Get one from `running`."""

    def __init__(
        self, backstage: Backstage, *, listener: Listener, control_listener: Listener | None
    ) -> None:
        self._backstage = backstage
        self._listener = listener
        self._control_listener = control_listener
        self._reopening: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where it listens, without a path."""
        return _url(self._listener)

    @property
    def base_url(self) -> str:
        """What an OpenAI client takes as its base URL: ends with `/v1`."""
        return f"{self.url}/v1"

    @property
    def gemini_url(self) -> str:
        """What a client of Gemini's API takes as its base URL: ends with `/v1beta`."""
        return f"{self.url}/v1beta"

    @property
    def control_url(self) -> str:
        """Where the control API is, without a path."""
        return _url(self._control_listener or self._listener)

    @property
    def is_listening(self) -> bool:
        """False: connections are refused."""
        return self._listener.is_open

    async def wait_until_listening(self) -> None:
        """Return as soon as connections are accepted."""
        await self._listener.wait_until_open()

    @property
    def can_refuse_by_command(self) -> bool:
        """Whether the control API can be reached while connections are refused."""
        return self._control_listener is not None

    @property
    def meter(self) -> Meter:
        """What it has been asked."""
        return self._backstage.meter

    @property
    def received(self) -> Inbox:
        """The last requests, oldest first."""
        return self._backstage.received

    @property
    def scripts(self) -> Mapping[str | None, Script]:
        """Scripts by model; None: for every model that has none of its own."""
        return self._backstage.playbook.scripts

    async def set_fault(self, fault: Fault, *, model: str | None = None) -> None:
        """Fail like this from now on.

        Args:
            fault: How; `Refuse` shuts the socket at once, every other one opens it.
            model: Only when asked for this model; None: whenever another
                command for the model does not say otherwise.

        Raises:
            CannotRefuse: A single model was to refuse connections.
        """
        if isinstance(fault, Refuse) and model is None:
            self._backstage.playbook.clear(model=None)
            self._shut(fault.seconds)
        else:
            await self.play(Script((fault,), Then.LAST), model=model)

    async def clear_fault(self, *, model: str | None = None) -> None:
        """Be healthy again, as `set_fault` and `script` with this model left it."""
        self._backstage.playbook.clear(model=model)
        await self._open(model)

    async def script(
        self, steps: Iterable[Fault], *, then: Then = Then.HEALTHY, model: str | None = None
    ) -> None:
        """Play one fault per request, in order.

        Args:
            steps: `HEALTHY` is a request that goes well.
            then: What follows the last one.
            model: Only for requests for this model; None: for every model that
                has no script of its own.

        Raises:
            CannotRefuse: A step is `Refuse`.
        """
        await self.play(Script(tuple(steps), then), model=model)

    async def play(self, script: Script, *, model: str | None = None) -> None:
        """Start `script`, in place of what the model has now."""
        self._backstage.playbook.play(script, model=model)
        await self._open(model)

    async def reset(self) -> None:
        """Be as at the start: healthy, listening, nothing counted."""
        self._backstage.playbook.clear_all()
        self._backstage.meter.reset()
        self._backstage.received.clear()
        await self._open(None)

    def close(self) -> None:
        """Listen no more."""
        self._forget_reopening()
        self._listener.close()
        if self._control_listener is not None:
            self._control_listener.close()

    def _shut(self, seconds: float | None) -> None:
        self._forget_reopening()
        self._listener.shut()
        if seconds is not None:
            # Owned by this object, which cancels it: a task group around the caller's
            # block would wrap every error that is raised there.
            loop = asyncio.get_running_loop()
            self._reopening = loop.create_task(self._open_after(seconds))

    async def _open_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._listener.open()

    async def _open(self, model: str | None) -> None:
        if model is None:
            self._forget_reopening()
            await self._listener.open()

    def _forget_reopening(self) -> None:
        if self._reopening is not None:
            self._reopening.cancel()
            self._reopening = None


def _url(listener: Listener) -> str:
    host = f"[{listener.host}]" if ":" in listener.host else listener.host
    return f"http://{host}:{listener.port}"
