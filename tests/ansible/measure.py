"""Runs a command and prints wall time and CPU of its whole process tree as JSON on the last line of stdout.

Processes that leave the tree (Ansible's SSH masters do) come back to this one, which ends them, so that they count.
"""

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36


def children():
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
        return [int(pid) for pid in file.read().split()]


def main(command):
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    began = time.monotonic()
    status = subprocess.run(command, stdout=sys.stderr, check=False).returncode
    wall = time.monotonic() - began
    while left := children():
        for pid in left:
            os.kill(pid, signal.SIGTERM)
        for pid in left:
            os.waitpid(pid, 0)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps({"wall": wall, "cpu": used.ru_utime + used.ru_stime, "status": status}))
    sys.exit(status)


main(sys.argv[1:])
