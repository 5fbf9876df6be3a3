"""`rag token`: who may use a server."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option, Typer

from rag.cli.options import IndexOption, JsonOption, TrustOption
from rag.cli.terminal import line, say, say_json

if TYPE_CHECKING:
    from rag.serve.tokens import TokenFile

app = Typer(no_args_is_help=True, help="Make, list and revoke the tokens by which a server knows its users.")

FileOption = Annotated[
    str | None, Option("--file", metavar="FILE", help="The file of tokens that the server's settings name.")
]
NameArgument = Annotated[str, Argument(help="What the token is called: its owner, as the audit log has it.")]


@app.command()
def make(
    name: NameArgument,
    role: Annotated[str, Option("--role", help="reader; writer: may add documents; admin: may do all.")] = "reader",
    groups: Annotated[
        str | None,
        Option("--groups", metavar="A,B", help="See only documents for these groups, or for everyone (default: all)."),
    ] = None,
    index: IndexOption = None,
    file: FileOption = None,
    trust: TrustOption = False,
) -> None:
    """Make a token, and show it this once.

    The file beside the index keeps what it is known by, not the token. A running server knows it at once.

    \b
    Examples:
      rag token make ada --role writer
      rag token make kiosk --groups visitors
    """
    say(_tokens(index, file, trust).make(name, role, groups))


@app.command("list")
def list_(
    index: IndexOption = None, file: FileOption = None, trust: TrustOption = False, json: JsonOption = False
) -> None:
    """List the tokens: names, roles, groups, and when they were made.

    Example: rag token list
    """
    tokens = list(_tokens(index, file, trust).read().values())
    if json:
        say_json([{"name": t.name, "role": t.role, "groups": t.groups, "made": t.made} for t in tokens])
        return
    for token in tokens:
        groups = "all documents" if token.groups is None else ", ".join(token.groups) or "what everyone may see"
        say(f"{token.name}  {token.role}  {line(groups)}  {token.made}")
    if not tokens:
        say("no tokens: a server on this machine takes whoever asks for its admin")


@app.command()
def revoke(name: NameArgument, index: IndexOption = None, file: FileOption = None, trust: TrustOption = False) -> None:
    """Revoke a token: a running server refuses it at once.

    Example: rag token revoke kiosk
    """
    _tokens(index, file, trust).revoke(name)
    say(f"{name} revoked")


def _tokens(index: str | None, file: str | None, trust: bool) -> "TokenFile":
    """The tokens in a file, or beside an index, which is there."""
    from rag.index.folder import Index
    from rag.serve.tokens import NAME, TokenFile

    return TokenFile(Path(file).absolute() if file else Index.at(index, trust=trust).private_folder() / NAME)
