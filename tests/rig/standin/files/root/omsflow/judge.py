"""The judge: writes down what happens to this container and refuses what OMS's manual forbids.

Records go to `omsctl_judge.record` in the MetaDB and to /home/admin/logs/judge.jsonl. The same database holds what
a test may set from outside: `timing` (how long a step takes), `fault` (which step fails or hangs, and where) and
`setting`. No such database, no records there and no settings: the container works all the same.
"""

import datetime
import fcntl
import json
import os
import re
import sys
import time

import pymysql

from omsflow import metadb, settings as oms

JOURNAL = "/home/admin/logs/judge.jsonl"
STATE = "/root/.judge/initialisation.json"
TIMING_DEFAULT = 0.2


def container_id():
    """The container's id: with the host's network the host name says nothing, the mounts do."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        found = re.search(r"/containers/([0-9a-f]{64})/", file.read())
    return found.group(1)[:12] if found else ""


def record(kind, detail, violation=False, settings=None):
    """Writes one record to both places; a MetaDB that cannot be reached costs only that copy."""
    entry = {
        "at": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds"),
        "host": oms.host_ip(),
        "container": container_id(),
        "kind": kind,
        "violation": violation,
        "detail": detail,
    }
    try:
        with open(JOURNAL, "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
    except OSError as error:
        print(f"judge: {error}", file=sys.stderr)
    statement = (
        "INSERT INTO omsctl_judge.record (at, host, container, kind, violation, detail)"
        " VALUES (UTC_TIMESTAMP(3), %s, %s, %s, %s, %s)"
    )
    row = (entry["host"], entry["container"], kind, int(violation), json.dumps(detail))
    _query(statement, row, settings)


def _query(statement, row=(), settings=None):
    """Rows of a statement, or none when the MetaDB or the judge's database is not there."""
    try:
        connection = metadb.connect(settings or oms.load())
    except (oms.BadSettings, pymysql.Error, OSError, TypeError, ValueError, RuntimeError):
        return []
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement, row)
            return cursor.fetchall()
    except pymysql.Error:
        return []
    finally:
        connection.close()


def setting(name, default):
    rows = _query("SELECT value FROM omsctl_judge.setting WHERE name = %s", (name,))
    return rows[0][0] if rows else default


def pace(step):
    """Takes as long as the step is set to take."""
    rows = _query("SELECT seconds FROM omsctl_judge.timing WHERE name = %s", (step,))
    time.sleep(float(rows[0][0]) if rows else TIMING_DEFAULT)


def faults(step):
    """Applies what a test has set for this step on this host: hangs until it is taken away, or fails."""
    statement = (
        "SELECT id, mode FROM omsctl_judge.fault"
        " WHERE step = %s AND host IN ('*', %s) AND times_left <> 0 ORDER BY id LIMIT 1"
    )
    while True:
        rows = _query(statement, (step, oms.host_ip()))
        if not rows:
            return
        fault, mode = rows[0]
        if mode == "fail":
            _query(
                "UPDATE omsctl_judge.fault SET times_left = times_left - 1 WHERE id = %s AND times_left > 0",
                (fault,),
            )
            record("fault_injected", {"step": step, "mode": mode})
            sys.exit(f"ERROR 2013 (HY000): Lost connection during step {step} (fault set by the rig)")
        time.sleep(0.2)


def started_at(pid):
    """When a process started, in clock ticks since boot; None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return int(file.read().rsplit(")", 1)[1].split()[19])
    except (OSError, IndexError):
        return None


def _read_state():
    try:
        with open(STATE, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return {"state": "never"}


def _write_state(state):
    os.makedirs(os.path.dirname(STATE), exist_ok=True)
    with open(STATE + ".new", "w", encoding="utf-8") as file:
        json.dump(state, file)
    os.replace(STATE + ".new", STATE)


def _notice_interrupted(state):
    if state["state"] == "running" and started_at(state["pid"]) != state["started"]:
        record("init_interrupted", {"step": state.get("step")})
        state = {"state": "interrupted"}
        _write_state(state)
    return state


def notice_interrupted():
    """At container start: an initialisation that was under way has died with the container's processes."""
    _notice_interrupted(_read_state())


def begin(pid):
    """Opens an initialisation of this container, or refuses it."""
    os.makedirs(os.path.dirname(STATE), exist_ok=True)
    with open(STATE + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        state = _notice_interrupted(_read_state())
        if state["state"] == "running":
            record("second_init_beside_running", {"running": state["pid"], "second": pid}, violation=True)
            sys.exit("docker_init.sh is already running in this container: a second one beside it breaks the schema")
        if state["state"] == "done":
            record("init_after_success", {}, violation=True)
            sys.exit("this container is initialised: docker_init.sh must not run a second time")
        _write_state({"state": "running", "pid": pid, "started": started_at(pid)})
    record("init_started", {"pid": pid, "after": state["state"]})


def step(name):
    state = _read_state()
    _write_state({**state, "step": name})


def end(outcome, name):
    """Closes the initialisation: `done`, or `failed` with the step's name."""
    _write_state({"state": outcome, "step": name})
    record("init_done" if outcome == "done" else "init_failed", {"step": name})


def initialised():
    return _read_state()["state"] == "done"


def main(arguments):
    match arguments:
        case ["begin", pid]:
            begin(int(pid))
        case ["step", name]:
            step(name)
            faults(name)
        case ["pace", name]:
            pace(name)
        case ["end", outcome, name]:
            end(outcome, name)
        case ["record", kind]:
            record(kind, {})
        case ["setting", name, default]:
            print(setting(name, default))
        case ["initialised"]:
            sys.exit(0 if initialised() else 1)
        case _:
            sys.exit(f"judge: unknown arguments {arguments}")


if __name__ == "__main__":
    main(sys.argv[1:])
