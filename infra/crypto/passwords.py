"""Password hashes by argon2id, off the event loop and never too many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from domain.kernel.errors import RateLimited
from domain.kernel.values import Secret

T = TypeVar("T")

MEMORY_KIB = 19_456
"""With two passes and one lane: the floor of OWASP's Password Storage Cheat Sheet, about 50 ms."""

THREADS = 2
WAITING_MAX = 32


class Argon2Hasher:
    """Hashes and checks passwords."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=MEMORY_KIB, parallelism=1)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="argon2")
        self._waiting = 0
        self._decoy = self._hasher.hash("no account has this password")

    async def hash(self, password: Secret) -> str:
        """Return a salted hash."""
        return await self._run(lambda: self._hasher.hash(password.reveal()))

    async def verify(self, password: Secret, hash_: str | None) -> bool:
        """Tell whether the password belongs to the hash; without a hash take as long and say no."""

        def check() -> bool:
            try:
                self._hasher.verify(hash_ or self._decoy, password.reveal())
            except (VerifyMismatchError, InvalidHashError):
                return False
            return hash_ is not None

        return await self._run(check)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= WAITING_MAX:
            raise RateLimited("Too many people are signing in at once. Try again in a moment.", retry_after_s=1)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)
