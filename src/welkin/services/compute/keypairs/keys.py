"""Keys themselves: fingerprints of what users bring, and pairs made for them."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier
from msgspec import Struct

from welkin.services.compute.keypairs.errors import BadKey

KEY_BITS = 2048
CERTIFICATE_DAYS = 3650
PRINCIPAL_NAME = ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
"""Where Windows looks for the user that a certificate is for."""


class Made(Struct, frozen=True):
    """A pair that was made: both halves as text."""

    private_key: str
    public_key: str


def fingerprint(public_key: str, type: str) -> str:
    """Return the fingerprint of a public key or, for `x509`, of a certificate.  Raises BadKey."""
    return x509_fingerprint(public_key) if type == "x509" else ssh_fingerprint(public_key)


def ssh_fingerprint(public_key: str) -> str:
    """Return the MD5 fingerprint of an OpenSSH public key.  Raises BadKey."""
    try:
        serialization.load_ssh_public_key(public_key.encode())
        blob = base64.b64decode(public_key.split(" ")[1])
    except (ValueError, IndexError, UnsupportedAlgorithm) as error:
        raise BadKey("failed to generate fingerprint") from error
    return colons(hashlib.md5(blob, usedforsecurity=False).digest())


def x509_fingerprint(certificate: str) -> str:
    """Return the SHA-1 fingerprint of a PEM certificate.  Raises BadKey."""
    try:
        return colons(x509.load_pem_x509_certificate(certificate.encode()).fingerprint(hashes.SHA1()))
    except (ValueError, TypeError) as error:
        raise BadKey(f"failed to generate X509 fingerprint. Error message: {error}") from error


def colons(digest: bytes) -> str:
    """Return bytes as `aa:bb:cc`."""
    return digest.hex(":")


def make_ssh() -> Made:
    """Make an RSA pair, as OpenSSH writes it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return Made(private.decode(), f"{public.decode()} Generated-by-Welkin")


def make_x509(user_id: str, now: float, serial: int) -> Made:
    """Make a certificate with which a user can log in to a Windows guest.

    The private half is a PKCS #12 bag without a password, in base64.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, user_id[:64])])
    start = datetime.fromtimestamp(int(now), UTC)
    principal = f"{user_id}@localhost".encode()
    certificate = (
        x509.CertificateBuilder(issuer_name=subject, subject_name=subject)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=CERTIFICATE_DAYS))
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([x509.OtherName(PRINCIPAL_NAME, b"\x0c" + der_length(principal) + principal)]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    bag = pkcs12.serialize_key_and_certificates(None, key, certificate, None, serialization.NoEncryption())
    return Made(base64.b64encode(bag).decode(), certificate.public_bytes(serialization.Encoding.PEM).decode())


def der_length(content: bytes) -> bytes:
    """Return the length of a DER value, as DER writes it."""
    size = len(content)
    if size < 0x80:
        return bytes([size])
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(digits)]) + digits
