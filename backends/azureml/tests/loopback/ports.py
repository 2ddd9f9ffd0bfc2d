"""Ports that somebody else binds a while later."""

import random
import socket

# Below those that a system gives to whoever asks for any.
_PORTS = range(20000, 32768)


def free_port() -> int:
    while True:
        port = random.choice(_PORTS)
        with socket.socket() as free:
            try:
                free.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
