"""Laws of signals: what is to be stopped may be in the middle of anything."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from gantool.cli.signals import stopping


def test_stopping_waits_for_no_lock_that_the_main_thread_holds():
    lock, cancelled = threading.Lock(), threading.Event()

    def cancel():
        with lock:
            cancelled.set()

    with stopping(cancel) as stop:
        with lock:
            os.kill(os.getpid(), signal.SIGTERM)
            for _ in range(100):
                time.sleep(0.001)
        assert cancelled.wait(5)
    assert stop.signal == signal.SIGTERM


ENDING = """
import os, signal, sys, time
from gantool.cli import signals
try:
    with signals.watched():
        os.kill(os.getpid(), {number})
        time.sleep(5)
except signals.Stopped as stopped:
    for again in signals.SIGNALS:
        os.kill(os.getpid(), again)
    sys.exit(128 + stopped.number)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_it_ends_already_does_not_change_its_code(number):
    words = [sys.executable, "-c", ENDING.format(number=int(number))]
    assert subprocess.run(words, check=False, timeout=30).returncode == 128 + number
