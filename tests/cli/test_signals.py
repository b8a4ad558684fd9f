"""Laws of signals: what is to be stopped may be in the middle of anything."""

import os
import signal
import threading
import time

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
