"""The desk where plans wait and are made: a bounded queue before a few worker programs, all outside the event loop."""

import asyncio
import contextlib
import json
import sys
from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from api.problems import Problem, problem_of_document

State = Literal["queued", "running", "done", "failed", "cancelled"]
# An estimate of every machine is a few hundred KiB on one line.
LONGEST_LINE = 64 * 1024 * 1024
# What ends without a stored recommendation is remembered for those who still ask.
MOST_REMEMBERED = 1_000
# A worker that is silent for so much longer than its time limit is taken to be stuck.
GRACE_FACTOR, GRACE_S = 2.0, 120.0
RETRY_AFTER_S = "5"


class WorkerLost(Exception):
    """The worker program ended before it answered."""


@dataclass(slots=True, kw_only=True)
class Task:
    """One thing to do, from its place in the queue to its end."""

    id: str
    request: dict[str, Any]
    created_at: datetime
    label: str = ""
    state: State = "queued"
    result: Any = None
    problem: Problem | None = None
    finished: asyncio.Event = field(default_factory=asyncio.Event)


class Worker:
    """A worker program that is started when it is first needed, and again after it was ended."""

    def __init__(self) -> None:
        self._program: asyncio.subprocess.Process | None = None

    async def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Send a request and return the answer.

        Raises:
            WorkerLost: the program ended before it answered.
        """
        if self._program is None or self._program.returncode is not None:
            self._program = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "api.worker",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=LONGEST_LINE,
                # Ctrl-C in a terminal reaches the service alone, which then ends its workers.
                start_new_session=True,
            )
        program = self._program
        assert program.stdin is not None and program.stdout is not None  # noqa: S101, PT018  asked for above
        try:
            program.stdin.write(json.dumps(request).encode() + b"\n")
            await program.stdin.drain()
            line = await program.stdout.readline()
        except (ConnectionError, BrokenPipeError):
            line = b""
        if not line:
            await self.end()
            raise WorkerLost
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def end(self) -> None:
        """End the program, whatever it is doing."""
        program, self._program = self._program, None
        if program is None:
            return
        if program.stdin is not None:
            program.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            program.kill()
        await program.wait()


class Desk:
    """Takes tasks until the queue is full, and has `workers` of them done at a time."""

    def __init__(self, workers: int, most_waiting: int) -> None:
        self.most_waiting = most_waiting
        self.tasks: OrderedDict[str, Task] = OrderedDict()
        self.ended: Counter[State] = Counter()
        self._order: asyncio.Queue[Task] = asyncio.Queue()
        self._workers = [Worker() for _ in range(workers)]
        self._held: dict[str, Worker] = {}
        self._loops: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to take tasks from the queue."""
        self._loops = [asyncio.create_task(self._serve(worker)) for worker in self._workers]

    async def stop(self) -> None:
        """End everything: what is waiting or running is cancelled."""
        for task in self.active():
            await self.cancel(task)
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        for worker in self._workers:
            await worker.end()

    def active(self, state: State | None = None) -> list[Task]:
        """Return what is waiting or running, or only what is in one of these states."""
        wanted = {state} if state else {"queued", "running"}
        return [task for task in self.tasks.values() if task.state in wanted]

    def submit(self, task: Task) -> None:
        """Put a task at the end of the queue.

        Raises:
            Problem: the queue is full.
        """
        waiting = len(self.active("queued"))
        idle = len(self._workers) - len(self._held)
        if waiting - idle >= self.most_waiting:
            raise Problem(
                "queue-full",
                f"{waiting} plans are waiting and {len(self._held)} are being made; at most {self.most_waiting} may "
                "wait (ADVISOR_PLAN_QUEUE).",
                headers={"Retry-After": RETRY_AFTER_S},
            )
        self.tasks[task.id] = task
        self._order.put_nowait(task)
        self._forget()

    async def cancel(self, task: Task) -> None:
        """Take a task back: out of the queue, or by ending the worker that has it; again, nothing happens."""
        held = self._held.get(task.id)
        self._finish(task, "cancelled", problem=Problem("cancelled", f"{task.id} was cancelled before it was done."))
        if held is not None:
            await held.end()

    async def result_of(self, task: Task) -> Any:
        """Put a task into the queue, wait for its end, hand its result over and forget it.

        A caller that goes away takes its task along.

        Raises:
            Problem: the queue is full, or the task has no result.
        """
        self.submit(task)
        try:
            await task.finished.wait()
        finally:
            if not task.finished.is_set():
                await self.cancel(task)
            self.tasks.pop(task.id, None)
        if task.problem is not None:
            raise task.problem
        return task.result

    async def _serve(self, worker: Worker) -> None:
        while True:
            task = await self._order.get()
            if task.state != "queued":
                continue
            task.state = "running"
            self._held[task.id] = worker
            try:
                await self._do(task, worker)
            finally:
                del self._held[task.id]

    async def _do(self, task: Task, worker: Worker) -> None:
        limit = task.request.get("time_limit_s", 60.0) * GRACE_FACTOR + GRACE_S
        try:
            answer = await asyncio.wait_for(worker.ask(task.request), limit)
        except (WorkerLost, ValueError):
            self._finish(
                task, "failed", problem=Problem("failed", "The worker ended before it answered; send it again.")
            )
            return
        except TimeoutError:
            await worker.end()
            self._finish(
                task, "failed", problem=Problem("failed", f"No answer within {limit:g} s; the work was ended.")
            )
            return
        if "problem" in answer:
            self._finish(task, "failed", problem=problem_of_document(answer["problem"], answer["kind"]))
        else:
            self._finish(task, "done", result=answer["result"])

    def _finish(self, task: Task, state: State, *, result: Any = None, problem: Problem | None = None) -> None:
        if task.finished.is_set():
            return
        task.state, task.result, task.problem = state, result, problem
        self.ended[state] += 1
        task.request = {}
        task.finished.set()

    def _forget(self) -> None:
        ended = [task.id for task in self.tasks.values() if task.finished.is_set()]
        for name in ended[: max(0, len(ended) - MOST_REMEMBERED)]:
            del self.tasks[name]
