"""A process full of subscribers: `python -m tests.support.crowd`, told on standard input what to follow.

While they follow, it prints a line of JSON several times a second that sums up where they stand; in
the end it writes what each has seen to the file it was told.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from pathlib import Path

from infra.open_files import raise_open_files_limit
from tests.support.crowd.follower import Follower, Wanted

TELL_S = 0.2


async def main() -> None:
    """Follow to the end."""
    raise_open_files_limit()
    asked = json.loads(sys.stdin.readline())
    wanted = Wanted(**asked["wanted"])
    followers = [Follower(wanted, random.Random(asked["seed"] + number)) for number in range(asked["count"])]
    following = [asyncio.create_task(follower.follow()) for follower in followers]
    while not all(task.done() for task in following):
        _tell(followers)
        await asyncio.wait(following, timeout=TELL_S)
    await asyncio.gather(*following)
    Path(asked["file"]).write_text(json.dumps([follower.seen.document() for follower in followers]))
    _tell(followers)


def _tell(followers: list[Follower]) -> None:
    """Print how many are connected, how many have seen the end, and the lowest of the last numbers seen."""
    standing = {
        "connected": sum(follower.is_connected for follower in followers),
        "over": sum(follower.seen.is_over for follower in followers),
        "lowest": min(follower.seen.last or 0 for follower in followers),
    }
    print(json.dumps(standing), flush=True)  # noqa: T201 - standard output is how it tells


if __name__ == "__main__":
    asyncio.run(main())
