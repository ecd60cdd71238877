"""Whether the engines can hold an answer to the forms that its request asks for.

The form of the answer is always kept. The parameters of tools are compiled with every request that
may call them; where it decides by itself whether to, they are a description, and refused only if
they are too much to compile. A call that is demanded must be able to keep them, word for word.
"""

from failsoft_local_llm.core.errors import (
    parameters_refused,
    regex_refused,
    schema_refused,
    tools_refused,
)
from failsoft_local_llm.core.regex import problem
from failsoft_local_llm.core.schema import problems, weight
from failsoft_local_llm.core.weight import Weight
from failsoft_model.chat import ChatRequest, ResponseFormat, ResponseFormatKind, ToolChoiceMode

MOST_PARAMETERS = 256 * 1024
"""Characters of all parameters together: looking at them must hold nobody up."""


def check_forms(request: ChatRequest) -> None:
    """Raises Unsupported: no engine of ours can hold an answer to that."""
    _check_format(request.response_format)
    if parameters := _parameters(request):
        _check_parameters(parameters, demanded=request.tool_choice.mode in _DEMANDING)


_DEMANDING = frozenset({ToolChoiceMode.REQUIRED, ToolChoiceMode.NAMED})


def _check_format(form: ResponseFormat) -> None:
    match form.kind:
        case ResponseFormatKind.JSON_SCHEMA:
            if found := problems(form.schema_json):
                raise schema_refused(found)
        case ResponseFormatKind.REGEX:
            if why := problem(form.regex):
                raise regex_refused(why)
        case _:
            pass


def _parameters(request: ChatRequest) -> dict[int, str]:
    """The schemas of the tools that may be called, by the places of those in the request."""
    named = request.tool_choice.mode is ToolChoiceMode.NAMED
    return {
        place: tool.parameters_json
        for place, tool in enumerate(request.callable_tools)
        if tool.parameters_json and (not named or tool.name == request.tool_choice.name)
    }


def _check_parameters(parameters: dict[int, str], *, demanded: bool) -> None:
    if sum(map(len, parameters.values())) > MOST_PARAMETERS:
        raise tools_refused(f"their parameters are more than {MOST_PARAMETERS} characters together")
    for place, schema_json in parameters.items():
        if demanded and (found := problems(schema_json)):
            raise parameters_refused(place, found)
    if why := sum(map(weight, parameters.values()), Weight()).excess():
        raise tools_refused(f"of all parameters together: {why}")
