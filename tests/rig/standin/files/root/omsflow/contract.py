"""Checks at container start, from inside, that the container was started with the documented arguments.

OMS manual, "docker run" block: host network, four mounts (and two certificates), OMS_HOST_IP, privileged, no limit of
processes in the cgroup, nproc 65535, a terminal. What cannot be seen from inside is left to tests that inspect.
"""

import os
import re
import socket
import stat
import sys

from omsflow import judge

NEEDED_MOUNTS = ("/home/admin/conf/config.yaml", "/home/admin/logs", "/home/ds/store", "/home/ds/run")
CERTIFICATES = ("/etc/pki/nginx/oms_server.crt", "/etc/pki/nginx/oms_server.key")
RUNTIME_MOUNTS = ("/", "/etc/resolv.conf", "/etc/hostname", "/etc/hosts")
# The image's own, OMS's two, and what the shell of the entry exports before it becomes docker_cmd.sh.
KNOWN_VARIABLES = {
    *("PATH", "HOSTNAME", "TERM", "HOME", "PYTHONPATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "LANG"),
    *("OMS_HOST_IP", "IS_UPGRADE"),
    *("PWD", "OLDPWD", "SHLVL", "_"),
}
# CAP_NET_ADMIN, SYS_MODULE, SYS_RAWIO, SYS_PTRACE, SYS_ADMIN, SYSLOG: none of them is there without --privileged.
PRIVILEGED_BITS = (12, 16, 17, 19, 21, 34)


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def is_local(address):
    """Whether an interface of this network namespace has the address: one can bind to it."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
        return True
    except OSError:
        return False


def environment():
    pairs = (entry.partition("=") for entry in read("/proc/1/environ").split("\0") if entry)
    return {name: value for name, _, value in pairs}


def mount_complaints():
    mounts = {}
    for line in read("/proc/1/mountinfo").splitlines():
        fields = line.split()
        mounts[fields[4]] = fields[5]
    for path in NEEDED_MOUNTS:
        if path not in mounts:
            yield f"{path} is not mounted"
        elif "rw" not in mounts[path].split(","):
            yield f"{path} is mounted read-only"
    certificates = [path for path in CERTIFICATES if path in mounts]
    if len(certificates) == 1:
        yield f"only {certificates[0]} is mounted, not its pair"
    known = set(NEEDED_MOUNTS) | set(CERTIFICATES) | set(RUNTIME_MOUNTS)
    for path in mounts:
        if path not in known and not re.match(r"/(proc|sys|dev)(/|$)", path):
            yield f"{path} is mounted, which no manual says"


def variable_complaints(variables):
    address = variables.get("OMS_HOST_IP", "")
    if not address:
        yield "OMS_HOST_IP is not set"
    elif not is_local(address):
        yield f"OMS_HOST_IP {address} is on no interface here: not --net host, or another machine's address"
    if variables.get("IS_UPGRADE", "true") != "true":
        yield f"IS_UPGRADE is {variables['IS_UPGRADE']!r}, only true is documented"
    for name in sorted(set(variables) - KNOWN_VARIABLES):
        yield f"the environment has {name}, which no manual says"


def privilege_complaints():
    status = dict(line.split(":\t", 1) for line in read("/proc/1/status").splitlines() if ":\t" in line)
    held = int(status["CapEff"], 16)
    if not all(held >> bit & 1 for bit in PRIVILEGED_BITS):
        yield f"not --privileged=true: capabilities are {status['CapEff']}"
    limits = re.search(r"^Max processes\s+(\S+)\s+(\S+)", read("/proc/1/limits"), re.MULTILINE)
    if limits is None or limits.groups() != ("65535", "65535"):
        yield f"not --ulimit nproc=65535:65535 but {limits.groups() if limits else 'none'}"
    if os.path.exists("/sys/fs/cgroup/pids/pids.max"):
        allowed = read("/sys/fs/cgroup/pids/pids.max").strip()
        if allowed != "max":
            yield f"not --pids-limit -1 but {allowed}"
    terminal = os.stat("/proc/1/fd/0")
    if not (stat.S_ISCHR(terminal.st_mode) and 136 <= os.major(terminal.st_rdev) <= 143):
        yield "not -t: standard input of the first process is no terminal"


def complaints():
    """Every difference from the documented container that can be seen from inside."""
    return [*variable_complaints(environment()), *mount_complaints(), *privilege_complaints()]


def main():
    found = complaints()
    for complaint in found:
        print(f"judge: container arguments: {complaint}", file=sys.stderr)
    if found:
        judge.record("container_arguments", {"complaints": found}, violation=True)
        sys.exit(1)
    judge.notice_interrupted()
    judge.faults("start")
    judge.record("container_started", {"version": read("/etc/oms_version").strip()})


if __name__ == "__main__":
    main()
