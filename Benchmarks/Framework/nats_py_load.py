"""FrameworkLoad's workloads with nats-py: the same key=value words, the same line of JSON."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable

import nats
from nats.aio.msg import Msg

STEP = 4096
IN_FLIGHT = 64
BATCH = 100


class Load:
    def __init__(self, words: list[str]) -> None:
        given = dict(word.split("=", 1) for word in words)
        self.mode = given["mode"]
        self.address = given.get("addr", "127.0.0.1:4222")
        self.messages = int(given.get("msgs", 100_000))
        self.size = int(given.get("size", 16))
        self.body = b"x" * self.size
        self.left = 0
        self.done = asyncio.Event()

    async def run(self) -> None:
        self.client = await nats.connect(f"nats://{self.address}")
        work = {
            "send": self.send,
            "publish": self.publish,
            "consume": self.consume,
            "request": self.request,
            "answer": self.answer,
        }[self.mode]
        if self.mode == "consume":
            await self.client.subscribe("bench.data", cb=self.take)
        elif self.mode == "answer":
            await self.client.subscribe("bench.answer", "bench.answer", cb=self.respond)
            await self.client.subscribe("bench.done", cb=self.end)
        await self.client.flush()
        await self.measure(work)
        await self.client.close()

    async def measure(self, work: Callable[[int], Awaitable[None]]) -> None:
        await work(self.messages // 10)
        before, start = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
        await work(self.messages)
        after, end = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        result = {
            "messages": self.messages,
            "lost": 0,
            "client_cpu_us": cpu * 1e6 / self.messages,
            "rss_kib": after.ru_maxrss,
            "seconds": end - start,
        }
        print(json.dumps(result))

    async def send(self, count: int) -> None:
        for _ in range(count):
            await self.client.publish("bench.data", self.body)
        await self.client.flush(60)

    async def publish(self, count: int) -> None:
        for _ in range(count // BATCH):
            for _ in range(BATCH):
                await self.client.publish("bench.data", self.body)
            await self.client.flush()

    async def take(self, message: Msg) -> None:
        self.left -= 1
        if self.left % STEP == 0:
            await self.client.publish("bench.credit")
        if self.left == 0:
            self.done.set()

    async def consume(self, count: int) -> None:
        self.left = count
        self.done.clear()
        await self.client.publish("bench.feed", f"{count} {self.size} 0".encode())
        await self.done.wait()

    async def request(self, count: int) -> None:
        async def share() -> None:
            for _ in range(count // IN_FLIGHT):
                await self.client.request("bench.ask", self.body, timeout=10)

        await asyncio.gather(*(share() for _ in range(IN_FLIGHT)))

    async def respond(self, message: Msg) -> None:
        await message.respond(message.data)

    async def end(self, message: Msg) -> None:
        self.done.set()

    async def answer(self, count: int) -> None:
        self.done.clear()
        await self.client.publish("bench.drive", f"{count} {self.size} 0".encode())
        await self.done.wait()


async def main() -> None:
    await Load(sys.argv[1:]).run()


asyncio.run(main())
