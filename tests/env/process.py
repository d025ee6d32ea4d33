"""Processes with a log each, free ports, and waiting for a state with a deadline."""
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


class Deadline(AssertionError):
    """A state that was waited for did not come."""


def wait_for(what, condition, timeout=30.0, pause=0.05):
    """Returns the first true value of condition(); Deadline after `timeout` seconds. Exceptions count as not yet."""
    end = time.monotonic() + timeout
    last = None
    while True:
        try:
            value = condition()
            if value:
                return value
            last = value
        except Exception as e:  # the state is not there yet: said at the deadline
            last = e
        if time.monotonic() > end:
            raise Deadline("no %s within %g s; last: %r" % (what, timeout, last))
        time.sleep(pause)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def scratch(prefix):
    """A folder in memory where there is room for it: etcd's fsyncs cost nothing there."""
    root = os.environ.get("RUNNEL_SCRATCH")
    if not root and os.path.isdir("/dev/shm"):
        room = os.statvfs("/dev/shm")
        root = "/dev/shm" if room.f_bavail * room.f_frsize > 1 << 30 else None
    return tempfile.mkdtemp(prefix="runnel-%s-" % prefix, dir=root)


def die_with_parent():
    os.setpgid(0, 0)
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """One program, its output in a file; stopped with the object, killed with the test run."""

    def __init__(self, command, log, env=None, cwd=None):
        self.command, self.log = command, log
        self.handle = open(log, "ab")
        self.popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.handle, stderr=subprocess.STDOUT,
                                      env=env, cwd=cwd, preexec_fn=die_with_parent)

    @property
    def pid(self):
        return self.popen.pid

    def running(self):
        return self.popen.poll() is None

    def output(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def signal(self, number):
        self.popen.send_signal(number)

    def stop(self, timeout=10.0):
        """SIGTERM, and SIGKILL to the whole group at the deadline. Returns the exit status."""
        if self.running():
            self.popen.terminate()
            try:
                self.popen.wait(timeout)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.popen.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.popen.wait()
        self.handle.close()
        return self.popen.returncode

    def kill(self):
        """As a power cut: SIGKILL."""
        self.popen.kill()
        self.popen.wait()

    def ready(self, what, condition, timeout=30.0):
        """wait_for, but ends at once with the log when the process has died."""
        def check():
            return condition()
        end = time.monotonic() + timeout
        while True:
            if not self.running():
                raise Deadline("%s ended with %s:\n%s" % (self.command[0], self.popen.returncode, self.output()[-3000:]))
            try:
                return wait_for(what, check, timeout=0.2)
            except Deadline as e:
                if time.monotonic() > end:
                    raise Deadline("%s\n%s" % (e, self.output()[-3000:]))


class Server:
    """Runs from start(), which returns it, to stop(), also as a context manager; its files are in .folder, of which nothing is left."""

    def __init__(self, kind):
        self.folder, self.process = scratch(kind), None

    def processes(self):
        """Those that run, None where one does not, in the order in which they are stopped."""
        return [self.process]

    def stop(self):
        for process in self.processes():
            if process:
                process.stop(timeout=3)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.stop()
