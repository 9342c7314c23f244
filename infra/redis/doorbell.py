"""Handing jobs to arq and signals to subscribers."""

from __future__ import annotations

from arq.connections import ArqRedis
from arq.constants import in_progress_key_prefix, job_key_prefix
from redis.exceptions import RedisError

from domain.kernel.messages import Job, Signal

CHANNEL_PREFIX = "wherry:"


class RedisDoorbell:
    """Rings arq's queue and publishes on Redis channels."""

    def __init__(self, redis: ArqRedis) -> None:
        self._redis = redis

    async def ring(self, job: Job) -> None:
        """Hand a job to the queue; one whose key is queued already is dropped there."""
        try:
            await self._redis.enqueue_job(job.name, str(job.subject), _job_id=job.key)
        except RedisError as error:
            raise ConnectionError("the job queue is out of reach") from error

    async def is_waiting(self, job: Job) -> bool:
        """Tell whether a job waits in the queue, taken up by no worker yet."""
        try:
            known, taken = (
                await self._redis.exists(job_key_prefix + job.key),
                await self._redis.exists(in_progress_key_prefix + job.key),
            )
        except RedisError as error:
            raise ConnectionError("the job queue is out of reach") from error
        return bool(known) and not taken

    async def publish(self, signal: Signal) -> None:
        """Tell live subscribers."""
        try:
            await self._redis.publish(CHANNEL_PREFIX + signal.topic, b"")
        except RedisError as error:
            raise ConnectionError("the message board is out of reach") from error
