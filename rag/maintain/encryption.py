"""Exports that only the owner of a key can read: files of age (https://age-encryption.org/v1), by pyrage.

A key is made by `age-keygen`, or is an SSH key. On the way, the plain archive lies in a folder beside the target that
is closed to others, and is removed; a process that is killed leaves it there.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rag.errors import CorruptError, InputError, extra
from rag.index.folder import Index
from rag.maintain.archive import export_index
from rag.maintain.members import new_file


def export_encrypted(index: Index, target: Path, recipients: Sequence[str]) -> dict[str, int]:
    """`export_index`, encrypted for public keys: age1... or a line of SSH. Raises as it does, InputError for no key."""
    with extra("encrypt", "rag export --recipient"):
        import pyrage
    if target.exists():
        raise InputError(f"{target}: exists already; name a new file.")
    keys = [_recipient(pyrage, text) for text in recipients]
    with TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as folder:
        plain = Path(folder) / "plain"
        counts = export_index(index, plain)
        with open(plain, "rb") as source, new_file(target) as file:
            pyrage.encrypt_io(source, file, keys)
    return counts


@contextmanager
def decrypt(source: Path, key: Path) -> Iterator[Path]:
    """The plain archive, for as long as it is used; `key` is the file that `age-keygen` or ssh-keygen wrote.

    Raises InputError where the file is no key, or the archive is for another; CorruptError where it is damaged.
    """
    with extra("encrypt", "rag import --identity"):
        import pyrage
    keys = _identities(pyrage, key)
    with TemporaryDirectory(prefix=f".{source.name}.", dir=source.parent) as folder:
        plain = Path(folder) / "plain"
        try:
            with open(source, "rb") as file, new_file(plain) as out:
                pyrage.decrypt_io(file, out, keys)
        except FileNotFoundError as error:
            raise InputError(f"{source}: {error.strerror}.") from error
        except (pyrage.DecryptError, OSError) as error:  # pyrage raises OSError without a number for a damaged file
            if isinstance(error, OSError) and error.errno:
                raise
            if "key" in str(error):
                raise InputError(f"{source}: not encrypted for the key in {key}.") from error
            raise CorruptError(f"{source}: not an age file, or damaged: {error}. Nothing was imported.") from error
        yield plain


def _recipient(pyrage: Any, text: str) -> Any:
    kind = pyrage.ssh if text.startswith("ssh-") else pyrage.x25519
    try:
        return kind.Recipient.from_str(text)
    except pyrage.RecipientError as error:
        raise InputError(
            f"--recipient {text!r}: no public key of age or SSH ({error}); `age-keygen` makes one."
        ) from error


def _identities(pyrage: Any, path: Path) -> list[Any]:
    try:
        text = path.read_text(encoding="utf-8")
        if "PRIVATE KEY" in text:
            return [pyrage.ssh.Identity.from_buffer(text.encode())]
        lines = [line.strip() for line in text.splitlines()]
        found = [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except (OSError, ValueError, pyrage.IdentityError) as error:
        raise InputError(f"--identity {path}: no private key of age or SSH ({error}).") from error
    if not found:
        raise InputError(f"--identity {path}: holds no key.")
    return found
