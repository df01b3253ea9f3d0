"""``python -m cluster.intake redrive``: messages of the dead-letter queue are given to the queue again."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from datetime import timedelta

from cluster.intake.aws import Aws, AwsUnavailable
from cluster.intake.queue import Received, SqsQueue
from cluster.intake.settings import IntakeSettings
from jobs.errors import InvalidSettings


async def redrive(settings: IntakeSettings, *, limit: int, code: str | None = None) -> int:
    """Give up to ``limit`` messages back, those refused with ``code`` where it is given; how many there were.

    Each keeps the id that it came with first, so that one whose job exists by now makes no other. Raises
    ``AwsUnavailable``.
    """
    aws = Aws(settings)
    queue = SqsQueue(settings=settings, aws=aws)
    moved = 0
    left: list[Received] = []
    try:
        while moved < limit:
            batch = await queue.receive(
                limit=min(10, limit - moved), wait=timedelta(seconds=1), url=queue.dead_letter_url
            )
            if not batch:
                break
            for message in batch:
                if code is None or message.word("code") == code:
                    await queue.bring_back(message)
                    moved += 1
                else:
                    left.append(message)
        return moved
    finally:
        for message in left:
            await queue.hide(message, longer=timedelta(0), url=queue.dead_letter_url)
        aws.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; settings come from ``RAYFARM_INTAKE_*``."""
    parser = argparse.ArgumentParser(prog="python -m cluster.intake", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    to_redrive = commands.add_parser("redrive", help="give messages of the dead-letter queue to the queue again")
    to_redrive.add_argument("--limit", type=int, default=1000, help="messages at most")
    to_redrive.add_argument("--code", help="only those refused with this problem code, such as not-found")
    given = parser.parse_args(arguments)
    try:
        settings = IntakeSettings()
        if settings.queue_url is None:
            parser.error("RAYFARM_INTAKE_QUEUE_URL is not set.")
        moved = asyncio.run(redrive(settings, limit=given.limit, code=given.code))
    except (AwsUnavailable, InvalidSettings) as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 1
    print(f"{moved} messages were given to the queue again.")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
