"""Runs of the command line in processes of their own, hundreds of them: forked, not started.

A process that has imported everything forks for every run, which then calls `gantool.cli.main`,
as the console script does. What is printed goes into files. The processes that gantool itself
starts are forked, too, where a run is `alone`.
"""

import contextlib
import importlib
import json
import os
import runpy
import selectors
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

TESTS = Path(__file__).parent
_CODE = "import sys; sys.path.insert(0, sys.argv[1]); import nursery; nursery.serve()"
_TERM = 1 << (signal.SIGTERM - 1)


@dataclass
class Run:
    """A run that was begun."""

    nursery: "Nursery"
    pid: int
    logs: Path
    ended: dict[str, float] = field(default_factory=dict)

    @property
    def out(self) -> str:
        return self.logs.with_suffix(".out").read_text()

    @property
    def err(self) -> str:
        return self.logs.with_suffix(".err").read_text()

    def kill(self, number: int) -> None:
        """Send a signal, unless the run has ended."""
        self.nursery.take(0)
        if not self.ended:
            os.kill(self.pid, number)

    def listens(self, seconds: float = 10) -> bool:
        """Wait until gantool has signals in its own hands."""
        end = time.monotonic() + seconds
        while not self.ended and time.monotonic() < end:
            with contextlib.suppress(OSError):
                status = Path(f"/proc/{self.pid}/status").read_text()
                if int(status.split("SigCgt:")[1].split()[0], 16) & _TERM:
                    return True
            self.nursery.take(0.002)
        return False

    def wait(self, seconds: float = 60) -> int:
        """The exit code, as a shell tells it; AssertionError where it does not end."""
        end = time.monotonic() + seconds
        while not self.ended:
            if time.monotonic() > end:
                os.kill(self.pid, signal.SIGKILL)
                raise AssertionError(f"does not end: {self.err}")
            self.nursery.take(0.02)
        return self.ended["code"]

    @property
    def memory(self) -> int:
        """Its peak, in bytes."""
        return self.ended["memory"]

    @property
    def seconds(self) -> float:
        """Of processor time, those of what it started included."""
        return self.ended["seconds"]


class Nursery:
    """Where runs come from. `environment` is that of all of them."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        imports: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.runs: dict[int, Run] = {}
        self._number = 0
        self._environment = {**os.environ, **(environment or {})}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CODE, str(TESTS), *imports],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self._environment,
        )
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._process.stdout, selectors.EVENT_READ)
        self._rest = b""
        self._told: list[dict[str, float]] = []

    def start(
        self,
        *arguments: object,
        fresh: bool = False,
        most: int = 0,
        alone: bool = False,
        folder: str = ".",
        **environment: str,
    ) -> Run:
        """`gantool ARGUMENTS`; `fresh`: in a process that has to import everything first.

        It and what it starts may have addresses for `most` bytes each, where that is not 0. Its
        current folder is `folder`.
        """
        self._number += 1
        logs = self.folder / f"run{self._number}"
        for log in (logs.with_suffix(".out"), logs.with_suffix(".err")):
            log.touch()
        words = [str(each) for each in arguments]
        request = {"words": words, "logs": str(logs), "environment": environment, "fresh": fresh}
        request |= {"most": most, "alone": alone, "folder": folder}
        self._process.stdin.write(f"{json.dumps(request)}\n".encode())
        self._process.stdin.flush()
        while not self._told:
            self._read(10)
        run = Run(self, self._told.pop()["pid"], logs)
        self.runs[run.pid] = run
        return run

    def run(self, *arguments: object, seconds: float = 60, **environment: str) -> Run:
        """The same, when it has ended."""
        run = self.start(*arguments, **environment)
        run.wait(seconds)
        return run

    def take(self, seconds: float) -> None:
        """What has been told of runs that have ended."""
        self._read(seconds)

    def close(self) -> None:
        """End all that still runs."""
        for run in self.runs.values():
            run.kill(signal.SIGKILL)
        self._process.stdin.close()
        self._process.wait(30)
        self._selector.close()
        self._process.stdout.close()

    def _read(self, seconds: float) -> None:
        if not self._selector.select(seconds):
            return
        added = os.read(self._process.stdout.fileno(), 1 << 16)
        assert added, "the nursery has died"
        *lines, self._rest = (self._rest + added).split(b"\n")
        for line in lines:
            told = json.loads(line)
            if "code" in told:
                self.runs.pop(told["pid"]).ended = told
            else:
                self._told.append(told)


@contextlib.contextmanager
def opened(
    folder: Path, environment: Mapping[str, str] | None = None, imports: Sequence[str] = ()
) -> Iterator[Nursery]:
    """A nursery whose logs go into `folder`; `imports` are what its runs need besides."""
    folder.mkdir(parents=True, exist_ok=True)
    nursery = Nursery(folder, environment, imports)
    try:
        yield nursery
    finally:
        nursery.close()


def serve() -> None:
    """In the process that forks: a run for every line on stdin, told on stdout; so is its end."""
    from gantool import api, engine  # noqa: F401  # what every run imports
    from gantool.cli import app  # noqa: F401
    from gantool.runtime import session  # noqa: F401

    for name in sys.argv[2:]:
        importlib.import_module(name)
    api.registry()
    selector = selectors.DefaultSelector()
    selector.register(0, selectors.EVENT_READ)
    rest, begun = b"", 0
    while True:
        if selector.select(0.002 if begun else None):
            added = os.read(0, 1 << 16)
            if not added:
                break
            *lines, rest = (rest + added).split(b"\n")
            for line in lines:
                if not (pid := os.fork()):
                    _do(**json.loads(line))
                begun += 1
                _tell({"pid": pid})
        begun -= _tell_ended(begun)


def _tell_ended(begun: int) -> int:
    ended = 0
    while ended < begun:
        pid, status, usage = os.wait4(-1, os.WNOHANG)
        if not pid:
            break
        code, seconds = os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime
        _tell({"pid": pid, "code": code, "memory": usage.ru_maxrss * 1024, "seconds": seconds})
        ended += 1
    return ended


def _tell(entry: Mapping[str, float]) -> None:
    os.write(1, f"{json.dumps(entry)}\n".encode())


def _do(
    words: Sequence[str],
    logs: str,
    environment: Mapping[str, str],
    fresh: bool,
    most: int,
    alone: bool,
    folder: str,
) -> None:
    """In the fork: become the run. Comes back only by the SystemExit of `main`."""
    os.environ.update(environment)
    os.chdir(folder)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for handle, name in ((1, ".out"), (2, ".err")):
        os.dup2(os.open(logs + name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666), handle)
    if most:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    if alone:
        subprocess.run = _forked
    if fresh:
        os.execv(sys.executable, [sys.executable, "-m", "gantool", *words])
    sys.argv = ["gantool", *words]
    from gantool.cli import main

    main()


def _forked(command: Sequence[str], **_: object) -> subprocess.CompletedProcess[bytes]:
    """What `subprocess.run` gives for `python -P -m MODULE ARGUMENTS`, in a fork of this one."""
    module, *arguments = command[3:]
    reading, writing = os.pipe()
    if not (pid := os.fork()):
        code = 1
        try:
            os.dup2(writing, 1)
            sys.argv = [module, *arguments]
            warnings.simplefilter("ignore")  # the module is there already
            runpy.run_module(module, run_name="__main__")
            sys.stdout.flush()
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with open(reading, "rb") as pipe:
        said = pipe.read()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return subprocess.CompletedProcess(command, code, said, b"")
