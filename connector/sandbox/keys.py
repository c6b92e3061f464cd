"""The key of the simulated app, for logins by signed assertion (JWT bearer)."""

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

__all__ = ["KeyFileError", "private_key_in"]

_BITS = 2048


class KeyFileError(ValueError):
    """The file of the key holds something else."""


def private_key_in(path: Path) -> str:
    """The PEM of the public key that belongs to the private key in the file, which is made where there is none.

    The file is readable by its owner only. Raises KeyFileError when it holds something else, OSError when it cannot be
    read or written.
    """
    if not path.exists():
        _write(path)
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError) as error:
        raise KeyFileError(f"{path} holds no private key without a passphrase") from error
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _write(path: Path) -> None:
    key = rsa.generate_private_key(65537, _BITS)
    # Whole or not at all: a sandbox may be stopped at any moment.
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    part.replace(path)
