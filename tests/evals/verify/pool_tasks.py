"""Tasks that misbehave on demand, for workers of the pool's tests."""

import os
import time


def answer_or_hang(value, bad):
    while bad:
        time.sleep(1)
    return {"value": value}


def answer_or_spin(value, bad):
    while bad:
        pass
    return {"value": value}


def answer_or_die(value, bad):
    if bad:
        os._exit(7)
    return {"value": value}


def answer_or_eat(value, bad):
    if bad:
        hoard = []
        while True:
            hoard.append(bytearray(1 << 24))
    return {"value": value}


def misbehave(deed, path):
    if deed == "write":
        open(path, "w").close()
    elif deed == "append":
        os.open(path, os.O_WRONLY | os.O_CREAT)
    elif deed == "socket":
        import socket

        socket.socket().connect(("127.0.0.1", 9))
    elif deed == "system":
        os.system(f"touch {path}")
    elif deed == "subprocess":
        import subprocess

        subprocess.run(["touch", path], check=False)
    elif deed == "mkdir":
        os.mkdir(path)
    elif deed == "remove":
        os.remove(__file__)
    elif deed == "read":
        with open(path) as file:
            return {"value": bool(file.read())}
    return {"value": None}


def refused(gold, response):
    """The verdict of a grader that accepts nothing."""
    return {"correct": False}
