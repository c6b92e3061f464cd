"""Key pairs for tests of logins, made once: making one takes a while."""

from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)


@cache
def rsa_key(number: int = 1, bits: int = 2048) -> rsa.RSAPrivateKey:
    """A key; another one for each number."""
    return rsa.generate_private_key(65537, bits)


def as_pem(
    key: Any,
    form: PrivateFormat = PrivateFormat.PKCS8,
    encryption: KeySerializationEncryption | None = None,
) -> str:
    """The private key as a file of it."""
    return key.private_bytes(Encoding.PEM, form, encryption or NoEncryption()).decode()


def public_pem(key: Any) -> str:
    """The public key as a file of it."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def encrypted_pems() -> list[str]:
    """The key under a passphrase, in the new form and in the old one."""
    forms = (PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL)
    return [as_pem(rsa_key(), form, BestAvailableEncryption(b"sesame")) for form in forms]


def curve_pem() -> str:
    """A private key of another kind."""
    return as_pem(ec.generate_private_key(ec.SECP256R1()))
