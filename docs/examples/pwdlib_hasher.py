"""Hash passwords with pwdlib in place of passlib: `pip install 'pwdlib[argon2]'`."""

from pwdlib import PasswordHash
from pwdlib.exceptions import PwdlibError
from pwdlib.hashers import HasherProtocol
from pwdlib.hashers.argon2 import Argon2Hasher


class PwdlibHasher:
    """Hashes with pwdlib: the first hasher hashes, the others verify what is stored."""

    def __init__(self, *hashers: HasherProtocol) -> None:
        self._hashers = PasswordHash(hashers or (Argon2Hasher(),))

    def hash(self, password: str) -> str:
        return self._hashers.hash(password)

    def verify(self, password: str, hashed: str) -> tuple[bool, str | None]:
        try:
            return self._hashers.verify_and_update(password, hashed)
        except PwdlibError as error:
            msg = "no hasher reads this hash"
            raise ValueError(msg) from error
