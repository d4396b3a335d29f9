"""Several hosts, as processes on loopback."""

import json
import os
import socket
import threading

from small_line import start


def overrides(*values):
    """The command line of some `--set`."""
    return [word for value in values for word in ("--set", value)]


def cluster(number):
    """TF_CONFIG of each of some hosts, at free ports."""
    sockets = [socket.create_server(("localhost", 0)) for _ in range(number)]
    addresses = [f"localhost:{one.getsockname()[1]}" for one in sockets]
    for one in sockets:
        one.close()
    return [
        json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}})
        for index in range(number)
    ]


class Process:
    """One host's process; its output is read as it comes."""

    def __init__(self, words, config):
        os.environ["TF_CONFIG"] = config
        try:
            self.process = start(*words)
        finally:
            del os.environ["TF_CONFIG"]
        self.lines, self.news = [], threading.Condition()
        self.threads = [
            threading.Thread(target=self._read, args=(stream,), daemon=True)
            for stream in (self.process.stdout, self.process.stderr)
        ]
        for thread in self.threads:
            thread.start()

    def _read(self, stream):
        for line in stream:
            with self.news:
                self.lines.append(line.rstrip("\n"))
                self.news.notify_all()

    @property
    def text(self):
        return "\n".join(self.lines)

    def wait_for(self, text, timeout=600):
        def come():
            return text in self.text or self.process.poll() is not None

        with self.news:
            assert self.news.wait_for(come, timeout), f"no {text!r} in {self.text}"
        assert text in self.text, self.text

    def end(self, timeout=600):
        code = self.process.wait(timeout)
        for thread in self.threads:
            thread.join()
        return code
