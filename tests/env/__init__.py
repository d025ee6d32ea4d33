"""Real servers for tests and for the demo: a control plane, Git over HTTP and SSH, a registry, web servers.

Each class starts its processes in a folder of its own on free ports of 127.0.0.1, is a context manager, and leaves nothing
behind. Nothing here is a mock.
"""
from .process import Deadline, Process, free_port, wait_for
from .control_plane import ControlPlane
from .git_server import GitServer
from .registry import Registry
from .web_server import WebServer
from .tls import Authority

__all__ = ["Authority", "ControlPlane", "Deadline", "GitServer", "Process", "Registry", "WebServer", "free_port", "wait_for"]
