"""`rag connectors`: where documents can be read from, with an example and the options of each."""

import inspect
from typing import Annotated, Any

from typer import Argument

from rag.cli.terminal import say


def connectors(
    name: Annotated[str | None, Argument(help="One of them, with its example and options.", metavar="NAME")] = None,
) -> None:
    """List the places that documents can be read from, or say more of one.

    Example: rag connectors imap
    """
    from rag.config import schema
    from rag.registry import find, names

    if name is None:
        for known in sorted(names("connector")):
            say(f"{known:<12} {inspect.cleandoc(find('connector', known).__doc__ or '').partition(chr(10))[0]}")
        return
    cls: Any = find("connector", name)
    say(inspect.cleandoc(cls.__doc__ or ""))
    say("\nOptions:")
    for option, field in schema(cls, "connector").model_json_schema().get("properties", {}).items():
        default = f" (default: {field['default']})" if field.get("default") not in (None, "", [], ()) else ""
        say(f"  {option:<14} {field.get('description', '')}{default}")
