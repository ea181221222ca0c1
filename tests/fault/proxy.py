"""TCP proxies between the workers and their engines, which can cut, delay and swallow what passes.

All of them run in one thread; their methods may be called from any.
"""

import asyncio
import contextlib
import threading

CHUNK = 1 << 16


class Loop:
    """The thread that moves the bytes."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="proxies", daemon=True)
        self.thread.start()

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    def settle(self):
        """Until what was asked of proxies is done."""
        self.run(asyncio.sleep(0))

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)


class Proxy:
    """Listens on a loopback port and passes every connection on to another. What comes back may be translated."""

    def __init__(self, loop, port, target, translate=None):
        self.loop = loop
        self.port = port
        self.address = f"127.0.0.1:{port}"
        self.target = target
        self.translate = translate or bytes
        self.seconds = 0.0  # how late everything arrives
        self.swallowed = 0
        self.writers = set()
        self.open = None
        loop.run(self._listen())

    async def _listen(self):
        self.open = asyncio.Event()
        self.open.set()
        await asyncio.start_server(self._accepted, "127.0.0.1", self.port)

    async def _accepted(self, reader, writer):
        self.writers.add(writer)
        try:
            await self.open.wait()
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            self._abort(writer)
            return
        self.writers.add(far_writer)
        await asyncio.gather(self._pump(reader, far_writer, bytes), self._pump(far_reader, writer, self.translate))
        self._abort(writer)
        self._abort(far_writer)

    async def _pump(self, reader, writer, translate):
        """Until either side ends; what one side has ended, the other is told."""
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                if self.seconds:
                    await asyncio.sleep(self.seconds)
                await self.open.wait()
                writer.write(translate(data))
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()

    def _abort(self, writer):
        self.writers.discard(writer)
        writer.transport.abort()

    def _do(self, action):
        self.loop.loop.call_soon_threadsafe(action)

    def cut(self):
        """Every connection that is open now is reset."""

        def reset():
            for writer in list(self.writers):
                self._abort(writer)

        self._do(reset)

    def delay(self, seconds):
        self.seconds = seconds

    def swallow(self):
        """Nothing passes any more, and nobody is told. What was underway arrives after release, of all who have swallowed."""

        def close():
            self.swallowed += 1
            self.open.clear()

        self._do(close)

    def release(self):
        def reopen():
            self.swallowed -= 1
            if self.swallowed == 0:
                self.open.set()

        self._do(reopen)

    def restore(self):
        """Whatever is being done to it."""

        def reopen():
            self.swallowed = 0
            self.open.set()

        self.seconds = 0.0
        self._do(reopen)
